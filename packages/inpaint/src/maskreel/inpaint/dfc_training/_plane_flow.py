"""The motion of a plane between two pictures."""

from __future__ import annotations

import numpy as np

__all__ = ["plane_flow"]


def plane_flow(homography: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Flow float32 (H, W, 2) that takes every pixel (x, y, 1) where `homography` (3, 3) takes it."""
    rows, columns = np.ogrid[: size[0], : size[1]]
    x, y, z = (row[0] * columns + row[1] * rows + row[2] for row in homography)
    # On the horizon of a plane z is 0; nothing of the plane is seen there.
    z = np.where(z == 0, 1.0, z)
    return np.stack([x / z - columns, y / z - rows], -1).astype(np.float32)
