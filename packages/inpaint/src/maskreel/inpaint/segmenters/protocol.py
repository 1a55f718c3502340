"""What every segmenter of people and things to remove looks like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import torch

    from maskreel.common.video import Clip

__all__ = ["Segmenter"]


class Segmenter(Protocol):
    """Marks what shall be removed, frame by frame."""

    def __call__(self, clip: Clip, start: int) -> torch.Tensor:
        """Segment consecutive frames.

        Args:
            clip: the frames.
            start: index, in the video, of the clip's first frame.

        Returns:
            bool (T, H, W), True on what shall be removed.
        """
        ...
