"""Frames in an .npy file: one series, or many clips of 11 frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from maskreel.common.array_file import open_npy
from maskreel.common.errors import InputError
from maskreel.vfp.timeline import OBSERVED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SHAPES = "(T, 3, H, W) or (T, H, W, 3), or with clips of 11 frames (N, 11, 3, H, W) or (N, 11, H, W, 3)"
_SLACK = 1e-3
"""What rounding may leave outside 0 to 1."""


class ArraySeries:
    """The frames of an array (T, ...) on disk, read one by one."""

    fps = None

    def __init__(self, path: Path, frames: np.ndarray) -> None:
        self.source = str(path)
        self.count = len(frames)
        self._path, self._frames = path, frames

    def read(self, start: int, step: int) -> Iterator[torch.Tensor]:
        for index in range(start, self.count, step):
            yield as_pictures(self._path, self._frames[index])


@dataclass(frozen=True)
class FrameArray:
    """An .npy file whose pixels are read when they are asked for."""

    path: Path
    frames: np.ndarray
    """(T, ...) or (N, 11, ...)."""

    @property
    def holds_clips(self) -> bool:
        """Whether it holds many clips and not one series."""
        return self.frames.ndim == 5


def open_array(path: Path) -> FrameArray:
    """Open an array of frames.

    Raises:
        InputError: It is no .npy array, or not one of frames.
    """
    frames = open_npy(path)
    found = f"{frames.dtype} of shape {frames.shape}"
    if frames.dtype != np.uint8 and frames.dtype.kind != "f":
        raise InputError(f"{path} holds {found}, expected uint8, or floats in 0 to 1")
    if frames.ndim not in (4, 5) or 0 in frames.shape or (frames.shape[-3] == 3) == (frames.shape[-1] == 3):
        raise InputError(f"{path} holds {found}, expected {_SHAPES}")
    if frames.ndim == 5 and frames.shape[1] != OBSERVED:
        raise InputError(
            f"{path} holds clips of {frames.shape[1]} frames, expected {OBSERVED}, such as array[:, :{OBSERVED}]"
        )
    return FrameArray(path, frames)


def as_pictures(path: Path, frames: np.ndarray) -> torch.Tensor:
    """Part of an array as uint8 (..., 3, H, W); InputError if its floats are not in 0 to 1."""
    pixels = np.array(frames)
    if pixels.dtype != np.uint8:
        low, high = float(pixels.min()), float(pixels.max())
        if not (low >= -_SLACK and high <= 1 + _SLACK):  # so that nan is refused, too
            raise InputError(f"{path} holds values from {low:g} to {high:g}, expected uint8, or floats in 0 to 1")
        pixels = np.rint(pixels.clip(0, 1) * 255).astype(np.uint8)
    if pixels.shape[-3] != 3:
        pixels = np.moveaxis(pixels, -1, -3)
    return torch.from_numpy(np.ascontiguousarray(pixels))
