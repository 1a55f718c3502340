"""Where the points that a picture shows go: every part of the scene moves by an affine map of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence


def destinations(parts: np.ndarray, moves: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the scene point at every pixel goes.

    Args:
        parts: int (H, W), number of the part that a pixel shows.
        moves: float64 (K, 3, 3), affine, from pixels (x, y, 1) now to pixels then, for each part.

    Returns:
        x and y, float64 (H, W) each.
    """
    height, width = parts.shape
    common = _affine(
        moves[0].tolist(), np.arange(width, dtype=np.float64), np.arange(height, dtype=np.float64)[:, None]
    )
    x, y = (np.ascontiguousarray(coordinate) for coordinate in common)
    others = np.flatnonzero(parts)
    row, column = np.divmod(others, width)
    part = parts.ravel().take(others)
    entries = [[np.ascontiguousarray(moves[:, i, j]).take(part) for j in range(3)] for i in range(2)]
    x.ravel()[others], y.ravel()[others] = _affine(entries, column, row)
    return x, y


def flow_to(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """float32 (2, H, W): the flow from every pixel to the position (x, y)."""
    height, width = x.shape
    flow = np.empty((2, height, width), np.float32)
    np.subtract(x, np.arange(width, dtype=np.float64), out=flow[0], casting="same_kind")
    np.subtract(y, np.arange(height, dtype=np.float64)[:, None], out=flow[1], casting="same_kind")
    return flow


def outside(x: np.ndarray, y: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """bool: positions beyond the outermost pixel centres, as `maskreel.common.flow.inside` has it."""
    tolerance = 1e-6  # of rounding, for points that stay where they are
    height, width = size
    low, high_x, high_y = -tolerance, width - 1 + tolerance, height - 1 + tolerance
    return (x < low) | (x > high_x) | (y < low) | (y > high_y)


def inverse_affine(matrix: np.ndarray) -> np.ndarray:
    """The inverse of an affine float64 (3, 3), by the formula: the same bytes on every machine, unlike LAPACK's."""
    (a, b, c), (d, e, f) = matrix[:2].tolist()
    det = a * e - b * d
    return np.array(
        [[e / det, -b / det, (b * f - c * e) / det], [-d / det, a / det, (c * d - a * f) / det], [0.0, 0.0, 1.0]]
    )


def compose_affine(outer: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """outer @ inner for affine float64 (3, 3), without BLAS."""
    (a, b, c), (d, e, f) = outer[:2].tolist()
    rows = inner.tolist()
    top = [a * p + b * q for p, q in zip(rows[0], rows[1], strict=True)]
    bottom = [d * p + e * q for p, q in zip(rows[0], rows[1], strict=True)]
    return np.array([[top[0], top[1], top[2] + c], [bottom[0], bottom[1], bottom[2] + f], [0.0, 0.0, 1.0]])


def _affine(rows: Sequence[Sequence], x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    (a, b, c), (d, e, f) = rows[:2]
    return a * x + (b * y + c), d * x + (e * y + f)
