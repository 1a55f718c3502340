"""The film that shows what a job would remove: the source, small, with the masks drawn over it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch

from maskreel.common.show import overlay
from maskreel.common.video import VideoWriter, iterate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from maskreel.common.video import Clip, VideoInfo

__all__ = ["write_marked_film"]

_HEIGHT = 540
_CRF = 23


def write_marked_film(
    path: Path, info: VideoInfo, masks: Iterator[torch.Tensor], advance: Callable[[int], object]
) -> float:
    """Write the film, H.264 of even size and at most 540 rows, without sound.

    Args:
        path: the file to write.
        info: the source.
        masks: what is marked, in chunks of consecutive frames from the first, bool (T, H, W).
        advance: told of frames that are done.

    Returns:
        the marked part of all pixels.
    """
    size = _even(info.size)
    marked = frames = 0
    with VideoWriter(path, fps=info.fps, size=size, crf=_CRF, like=info) as writer:
        for clip, mask in _together(info, masks):
            small = torch.from_numpy(np.stack([_shrunk(frame, size) for frame in clip.numpy()])).permute(0, 3, 1, 2)
            thin = torch.from_numpy(np.stack([_shrunk_mask(one, size) for one in mask.numpy()]))
            writer.write(replace(clip, frames=overlay(small, thin)))
            marked, frames = marked + int(torch.count_nonzero(mask)), frames + len(clip)
            advance(len(clip))
    return marked / (frames * info.size[0] * info.size[1])


def _together(info: VideoInfo, masks: Iterator[torch.Tensor]) -> Iterator[tuple[Clip, torch.Tensor]]:
    """Frames with their masks, few at a time."""
    waiting = next(masks)
    for clip in iterate(info.path, chunk=16):
        while len(waiting) < len(clip):
            following = next(masks, None)
            if following is None:
                return
            waiting = torch.cat([waiting, following])
        yield clip, waiting[: len(clip)]
        waiting = waiting[len(clip) :]


def _even(size: tuple[int, int]) -> tuple[int, int]:
    """The size of the film: no browser plays H.264 of odd size."""
    scale = min(1.0, _HEIGHT / size[0])
    height, width = (max(2, 2 * round(side * scale / 2)) for side in size)
    return height, width


def _shrunk(frame: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return cv2.resize(frame, size[::-1], interpolation=cv2.INTER_AREA)


def _shrunk_mask(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return cv2.resize(mask.astype(np.float32), size[::-1], interpolation=cv2.INTER_AREA) >= 0.5
