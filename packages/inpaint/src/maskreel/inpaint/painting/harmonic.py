"""Smooth interpolation into holes: Laplace's equation, solved coarse to fine."""

from __future__ import annotations

import cv2
import numpy as np

from maskreel.inpaint.painting.box import box_around
from maskreel.inpaint.painting.known_means import known_means

__all__ = ["harmonic_fill", "reduced_harmonic_fill"]

# Where several pixels share one coarse pixel, a few sweeps per level suffice: the coarser level has solved the rest.
_SWEEPS = 12
_COARSEST = 3
_LEAST_KNOWN = 1e-3  # share of a coarse pixel that tells its value
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
    planes = values.astype(np.float32).reshape(*hole.shape, -1)
    return np.ascontiguousarray(_fill(planes, hole, sweeps).reshape(values.shape))


def reduced_harmonic_fill(values: np.ndarray, hole: np.ndarray, *, reduction: int, least_known: float) -> np.ndarray:
    """`harmonic_fill` at a reduced size, where it is fast: means of known pixels are filled and enlarged again.

    Args:
        values: float32 (H, W, C) with C at most 4; what stands in the hole, if it is finite, does not matter.
        hole: bool (H, W), True where to fill.
        reduction: side in pixels of the squares that means are taken over.
        least_known: share of a square that must be known, else its mean is filled, too.

    Returns:
        float32 (H, W, C), smooth everywhere: outside the hole too it is not `values`.
    """
    mean, share = known_means(values, hole, (-(-hole.shape[0] // reduction), -(-hole.shape[1] // reduction)))
    return _enlarged(harmonic_fill(mean, share < least_known), hole.shape)


def _fill(values: np.ndarray, hole: np.ndarray, sweeps: int) -> np.ndarray:
    """float32 (H, W, C) without the hole (H, W)."""
    if not hole.any():
        return values
    height, width = hole.shape
    if min(height, width) <= _COARSEST:
        return _average_fill(values, hole)
    coarse, share = known_means(values, hole, ((height + 1) // 2, (width + 1) // 2))
    guess = _enlarged(_fill(coarse, share <= _LEAST_KNOWN, sweeps), hole.shape)
    return _relax(np.where(hole[..., None], guess, values), hole, sweeps)


def _relax(values: np.ndarray, hole: np.ndarray, sweeps: int) -> np.ndarray:
    """Jacobi sweeps inside the hole's bounding box, mirrored at the image border."""
    box = box_around(hole, 1)
    inside, part = hole[box][..., None], values[box]
    for _ in range(sweeps):
        mean = cv2.filter2D(part, cv2.CV_32F, _CROSS / 4, borderType=cv2.BORDER_REPLICATE)
        part = np.where(inside, mean.reshape(part.shape), part)
    result = values.copy()
    result[box] = part
    return result


def _average_fill(values: np.ndarray, hole: np.ndarray) -> np.ndarray:
    known = (~hole).astype(np.float32)
    mean = (values * known[..., None]).sum((0, 1)) / max(known.sum(), 1.0)
    return np.where(hole[..., None], mean, values).astype(np.float32)


def _enlarged(values: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """(h, w, C) at (height, width) `size`, bilinearly."""
    return cv2.resize(values, size[::-1], interpolation=cv2.INTER_LINEAR).reshape(*size, values.shape[-1])
