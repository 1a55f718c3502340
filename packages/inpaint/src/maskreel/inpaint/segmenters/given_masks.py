"""Masks that somebody has made already, as a `Segmenter`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from maskreel.common.masks import iterate_masks

if TYPE_CHECKING:
    from pathlib import Path

    from maskreel.common.video import Clip

__all__ = ["GivenMasks"]


class GivenMasks:
    """Reads masks from a mask video, a folder of mask images, or one image for the whole video. A `Segmenter`.

    Args:
        path: the masks; every non-void object in them is marked.
        frame_count: frames of the whole video that they belong to; None if it does not tell.
    """

    def __init__(self, path: Path, frame_count: int | None) -> None:
        self._path = path
        self._frame_count = frame_count

    def __call__(self, clip: Clip, start: int) -> torch.Tensor:
        """The masks of the frames from index `start` on: bool (T, H, W).

        Raises:
            InputError: if the masks differ from the video in size or number.
        """
        masks = iterate_masks(
            self._path,
            size=clip.size,
            frame_count=self._frame_count,
            chunk=len(clip),
            start=start,
            stop=start + len(clip),
        )
        return torch.cat(list(masks))
