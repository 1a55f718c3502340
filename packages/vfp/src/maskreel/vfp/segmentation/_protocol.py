"""What a segmenter is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Segmenter", "batches"]


class Segmenter(Protocol):
    """Names the class of every pixel."""

    def __call__(self, frames: torch.Tensor) -> torch.Tensor:
        """Class ids, uint8 (T, H, W), 0 the background, of RGB frames, uint8 (T, 3, H, W), of any number and size.

        Frame by frame: what one frame shows does not change the answer for another. The answer is on the CPU.
        """
        ...


def batches(frames: torch.Tensor, size: int) -> Iterator[torch.Tensor]:
    """uint8 frames (T, 3, H, W) a few at a time, the last ones included, as float32 in [0, 1]."""
    if frames.dtype != torch.uint8:
        raise TypeError(f"frames must be uint8, got {frames.dtype}")
    if frames.ndim != 4 or frames.shape[1] != 3:
        raise ValueError(f"frames must have shape (T, 3, H, W), got {tuple(frames.shape)}")
    return (part.float() / 255 for part in frames.split(size) if len(part))
