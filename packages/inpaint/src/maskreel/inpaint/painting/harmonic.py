"""Smooth interpolation into holes: Laplace's equation, solved coarse to fine."""

from __future__ import annotations

import cv2
import numpy as np

__all__ = ["harmonic_fill"]

# Where several pixels share one coarse pixel, a few sweeps per level suffice: the coarser level has solved the rest.
_SWEEPS = 12
_COARSEST = 3
_CROSS = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], np.float32)


def harmonic_fill(values: np.ndarray, hole: np.ndarray, *, sweeps: int = _SWEEPS) -> np.ndarray:
    """Fill a hole with the harmonic function (Laplace = 0) that meets the values around it.

    Solved by nested iteration: the values are averaged into a pyramid, the coarsest level is filled, and every finer
    level starts from the one above it and relaxes. Image borders reflect (no flux crosses them).

    Args:
        values: float32 (H, W) or (H, W, C) with C at most 4; what stands in the hole does not matter.
        hole: bool (H, W), True where to fill.
        sweeps: Jacobi sweeps per level.

    Returns:
        float32 array like `values`, equal to it outside the hole; zeros everywhere if nothing is known.
    """
    known = (~hole).astype(np.float32)
    planes = values.astype(np.float32).reshape(*hole.shape, -1) * known[..., None]
    return np.ascontiguousarray(_fill(planes, known, sweeps).reshape(values.shape))


def _fill(values: np.ndarray, known: np.ndarray, sweeps: int) -> np.ndarray:
    """`values` (H, W, C), zero where `known` (H, W) is 0."""
    hole = known == 0
    if not hole.any():
        return values
    height, width = known.shape
    if min(height, width) <= _COARSEST:
        return _average_fill(values, known)
    half = ((width + 1) // 2, (height + 1) // 2)
    weight = _resize(known[..., None], half)
    coarse = _resize(values, half) / np.maximum(weight, 1e-6)
    coarse_known = (weight[..., 0] > 1e-3).astype(np.float32)
    guess = _resize(_fill(coarse * coarse_known[..., None], coarse_known, sweeps), (width, height), cv2.INTER_LINEAR)
    return _relax(np.where(hole[..., None], guess, values), hole, sweeps)


def _relax(values: np.ndarray, hole: np.ndarray, sweeps: int) -> np.ndarray:
    """Jacobi sweeps inside the hole's bounding box, mirrored at the image border."""
    x0, y0, width, height = cv2.boundingRect(hole.view(np.uint8))
    box = np.s_[max(0, y0 - 1) : y0 + height + 1, max(0, x0 - 1) : x0 + width + 1]
    inside, part = hole[box][..., None], values[box]
    for _ in range(sweeps):
        mean = cv2.filter2D(part, cv2.CV_32F, _CROSS / 4, borderType=cv2.BORDER_REPLICATE)
        part = np.where(inside, mean.reshape(part.shape), part)
    result = values.copy()
    result[box] = part
    return result


def _average_fill(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    mean = values.sum((0, 1)) / max(known.sum(), 1.0)
    return np.where(known[..., None] > 0, values, mean).astype(np.float32)


def _resize(values: np.ndarray, size: tuple[int, int], interpolation: int = cv2.INTER_AREA) -> np.ndarray:
    """cv2.resize to (width, height) that keeps the channel axis."""
    return cv2.resize(values, size, interpolation=interpolation).reshape(size[1], size[0], values.shape[-1])
