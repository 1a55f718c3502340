"""`ObservedClip`: what a forecaster is given, wherever it comes from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Self

import numpy as np
import torch

from maskreel.vfp.timeline import OBSERVED, SIZE

FRAME_SECONDS = Fraction(50, 256)
"""Seconds from frame to frame in the data set: 5 frames of videos with 25.6 per second."""


@dataclass(frozen=True, repr=False)
class ObservedClip:
    """11 frames with a name, at their own size and at that of the forecasters."""

    name: str
    """Tells the clips of one input apart; may serve as a file name."""
    pictures: torch.Tensor
    """uint8 (11, 3, H, W), RGB, as they came."""
    fps: Fraction = 1 / FRAME_SECONDS
    """Of these 11 frames, for playing them."""

    def __post_init__(self) -> None:
        shape = tuple(self.pictures.shape)
        if self.pictures.dtype != torch.uint8 or len(shape) != 4 or shape[:2] != (OBSERVED, 3) or 0 in shape:
            wanted = f"uint8 of shape ({OBSERVED}, 3, H, W)"
            raise ValueError(f"pictures must be {wanted}, got {self.pictures.dtype} of shape {shape}")

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the pictures in pixels."""
        return self.pictures.shape[2], self.pictures.shape[3]

    @property
    def frames(self) -> torch.Tensor:
        """uint8 (11, 3, 160, 240), RGB, scaled where the pictures have another size."""
        return scaled(self.pictures, SIZE)

    def at_its_size(self, labels: torch.Tensor) -> torch.Tensor:
        """Label maps (..., h, w) at the size of the pictures: each pixel takes the nearest."""
        rows, columns = (
            ((torch.arange(after) + 0.5) * before / after).long()
            for after, before in zip(self.size, labels.shape[-2:], strict=True)
        )
        return labels[..., rows[:, None], columns]

    def narrowed(self, width: int) -> Self:
        """The same with pictures of at most this many pixels of width."""
        if self.size[1] <= width:
            return self
        height = max(1, round(self.size[0] * width / self.size[1]))
        return replace(self, pictures=scaled(self.pictures, (height, width)))

    def __repr__(self) -> str:
        return f"ObservedClip({self.name!r}, {self.size[0]}x{self.size[1]})"


def scaled(pictures: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """uint8 (T, 3, H, W) at another (height, width): means of areas where it shrinks, else in between."""
    import cv2

    if pictures.shape[2:] == size:
        return pictures

    height, width = size
    shrinks = pictures.shape[2] >= height and pictures.shape[3] >= width
    way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    scaled = [cv2.resize(pixels, (width, height), interpolation=way) for pixels in pictures.permute(0, 2, 3, 1).numpy()]
    return torch.from_numpy(np.stack(scaled)).permute(0, 3, 1, 2).contiguous()
