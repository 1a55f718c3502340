"""Smooth random patterns and waves from operations that give the same bytes on every machine.

Arrays are only added, multiplied, divided, compared and rooted, which IEEE 754 defines to the last bit; sines differ by
machine in that bit, so they are rounded before use.
"""

from __future__ import annotations

import numpy as np


def wave(turns: np.ndarray | float) -> np.ndarray:
    """sin(2 pi turns), the same on every machine."""
    return np.round(np.sin(2 * np.pi * np.asarray(turns, np.float64)), 9)


def rise(x: np.ndarray, low: float, high: float) -> np.ndarray:
    """From 0 at `low` to 1 at `high` with level ends; `high` may be the smaller one."""
    t = np.clip((x - low) * (1 / (high - low)), 0, 1)
    return t * t * (3 - 2 * t)


def triangle(x: np.ndarray) -> np.ndarray:
    """A wave of period 1 between 0 (at whole numbers) and 1."""
    return np.abs(2 * (x - np.floor(x + 0.5)))


def lattice(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """float32 (rows, columns) of uniform values in [-1, 1] to interpolate."""
    return rng.random((rows, columns), np.float32) * 2 - 1


def smooth_noise(
    rng: np.random.Generator, x: np.ndarray, y: np.ndarray, cell: float, stretch: float = 1.0
) -> np.ndarray:
    """Noise in [-1, 1] whose grains have about the size `cell` ('stretch' times that in x).

    Args:
        rng: where the pattern comes from.
        x: increasing coordinates (1, w).
        y: increasing coordinates (h, 1).
        cell: size of a grain in units of x and y.
        stretch: length of a grain in x over its height.

    Returns:
        float32 (h, w).
    """
    if not x.size or not y.size:
        return np.zeros((y.size, x.size), np.float32)
    (row, down), (column, right) = _cells(y.ravel(), cell), _cells(x.ravel(), cell * stretch)
    values = lattice(rng, int(row[-1]) + 2, int(column[-1]) + 2)
    bands = values[row] + (values[row + 1] - values[row]) * down[:, None]
    left = bands[:, column]
    return left + (bands[:, column + 1] - left) * right


def clouds(
    rng: np.random.Generator, x: np.ndarray, y: np.ndarray, cell: float, octaves: int = 4, stretch: float = 1.0
) -> np.ndarray:
    """Sum of octaves of `smooth_noise`, each half as large and half as strong as the one before; about in [-1, 1]."""
    total = smooth_noise(rng, x, y, cell, stretch)
    for octave in range(1, octaves):
        total += smooth_noise(rng, x, y, cell / 2**octave, stretch) * np.float32(0.5**octave)
    return total * np.float32(0.62)


def noise_at(values: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """A periodic lattice of noise at any coordinates, in units of its cells."""
    rows, columns = values.shape
    column, row = np.floor(u), np.floor(v)
    right, down = _ease(u - column), _ease(v - row)
    columns_at = [(column.astype(np.int64) + k) % columns for k in (0, 1)]
    rows_at = [(row.astype(np.int64) + k) % rows for k in (0, 1)]
    top = values[rows_at[0], columns_at[0]] * (1 - right) + values[rows_at[0], columns_at[1]] * right
    bottom = values[rows_at[1], columns_at[0]] * (1 - right) + values[rows_at[1], columns_at[1]] * right
    return top * (1 - down) + bottom * down


def blurred(picture: np.ndarray, radius: int) -> np.ndarray:
    """The (h, w, ...) picture after two box blurs each way, edges repeated; about a Gaussian of sigma `radius`."""
    if radius < 1:
        return picture
    for axis in (0, 1, 0, 1):
        picture = _box(picture, radius, axis)
    return picture


def _box(picture: np.ndarray, radius: int, axis: int) -> np.ndarray:
    pad = [(0, 0)] * picture.ndim
    pad[axis] = (radius + 1, radius)
    sums = np.cumsum(np.pad(picture.astype(np.float64), pad, mode="edge"), axis=axis)
    size, count = 2 * radius + 1, picture.shape[axis]
    ends = np.take(sums, np.arange(size, size + count), axis=axis)
    starts = np.take(sums, np.arange(count), axis=axis)
    return ((ends - starts) * (1 / size)).astype(picture.dtype)


def _cells(along: np.ndarray, cell: float) -> tuple[np.ndarray, np.ndarray]:
    """For every coordinate the number of its cell and how far it is into it, eased."""
    position = (along - along[0]) * (1 / cell)
    index = np.floor(position)
    return index.astype(np.int64), _ease(position - index).astype(np.float32)


def _ease(t: np.ndarray) -> np.ndarray:
    return t * t * (3 - 2 * t)
