"""Polygons to masks."""

from __future__ import annotations

import numpy as np
import torch


def rasterise_polygon(points: torch.Tensor | np.ndarray, size: tuple[int, int]) -> torch.Tensor:
    """Return bool (H, W): the pixels whose centre lies inside the polygon with corners `points` (K, 2), as x, y.

    Coordinates are continuous: the pixel in row i and column j has its centre at x = j + 0.5, y = i + 0.5, as in COCO,
    so the corners of a half-open box give exactly the pixels of that box. Even-odd rule: where an outline crosses
    itself, parts that are covered twice are outside. A centre on the outline counts as inside on a left or upper side
    only, so polygons that share a side share no pixel. Raises ValueError for other shapes and for NaN or infinity.
    """
    corners = np.asarray(points, dtype=np.float64)
    if corners.ndim != 2 or corners.shape[1] != 2 or len(corners) < 3:
        raise ValueError(f"points must have shape (K, 2) with K of 3 or more, got {corners.shape}")
    if not np.isfinite(corners).all():
        raise ValueError("points must be finite numbers")
    if min(size) < 1:
        raise ValueError(f"size must be (height, width) with both above 0, got {size}")
    height, width = size
    centres = np.arange(height) + 0.5
    toggles = np.zeros((height, width + 1), dtype=bool)  # the last column collects crossings right of the picture
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        rows = np.flatnonzero((min(y0, y1) <= centres) & (centres < max(y0, y1)))
        if rows.size:
            crossings = x0 + (centres[rows] - y0) * ((x1 - x0) / (y1 - y0))
            columns = np.clip(np.ceil(crossings - 0.5), 0, width).astype(np.int64)
            toggles[rows, columns] ^= True
    return torch.from_numpy(np.logical_xor.accumulate(toggles, axis=1)[:, :width].copy())
