"""Pictures of four floats a pixel, read and written at any pixels.

Four float32 are 16 bytes, and numpy moves numbers of 16 bytes (it knows complex128) several times faster than rows.
"""

from __future__ import annotations

import numpy as np


def fetch(picture: np.ndarray, index: np.ndarray) -> np.ndarray:
    """float32 (n, 4): the pixels with these flat indices of a contiguous float32 (..., 4) picture, as a copy."""
    return picture.reshape(-1).view(np.complex128).take(index).view(np.float32).reshape(-1, 4)


def store(picture: np.ndarray, index: np.ndarray, values: np.ndarray) -> None:
    """Write float32 (n, 4) values to the pixels with these flat indices of a contiguous float32 (..., 4) picture."""
    picture.reshape(-1).view(np.complex128)[index] = values.reshape(-1).view(np.complex128)


def between(picture: np.ndarray, column: np.ndarray, row: np.ndarray) -> np.ndarray:
    """float32 (n, 4): a contiguous float32 (h, w, 4) picture at positions (n,) within it, bilinear."""
    width = picture.shape[1]
    first, right, down = corner(width, column, row)
    right, down = np.repeat(right, 4).reshape(-1, 4), np.repeat(down, 4).reshape(-1, 4)
    top = fetch(picture, first)
    _mix(top, fetch(picture, first + 1), right)
    bottom = fetch(picture, first + width)
    _mix(bottom, fetch(picture, first + width + 1), right)
    _mix(top, bottom, down)
    return top


def corner(width: int, column: np.ndarray, row: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Flat index of the pixel to the upper left of positions (n,) in a picture of this width, and how far to the right
    of it and below it they are, float32 (n,)."""
    left, upper = column.astype(np.int64), row.astype(np.int64)
    return upper * width + left, (column - left).astype(np.float32), (row - upper).astype(np.float32)


def _mix(here: np.ndarray, there: np.ndarray, share: np.ndarray) -> None:
    """Move `here` towards `there` by a share, in place."""
    there -= here
    there *= share
    here += there
