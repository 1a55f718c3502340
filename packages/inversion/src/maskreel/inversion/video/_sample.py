"""Bilinear look-up at scattered positions."""

from __future__ import annotations

import cv2
import numpy as np

__all__ = ["sample"]

_MOST = 16384  # OpenCV numbers the columns of a map by 16-bit integers


def sample(field: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Values of float32 (H, W) or (H, W, C) at positions (K, 2), x and y; beyond the field those of its edge."""
    columns = max(1, min(len(points), _MOST))
    padded = np.zeros((-(-len(points) // columns) * columns, 2), np.float32)
    padded[: len(points)] = points
    if not len(points):
        return np.zeros((0, *field.shape[2:]), np.float32)
    positions = padded.reshape(-1, columns, 2)
    values = cv2.remap(field, positions, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)  # pyright: ignore[reportCallIssue, reportArgumentType]
    return values.reshape(len(padded), *field.shape[2:])[: len(points)]
