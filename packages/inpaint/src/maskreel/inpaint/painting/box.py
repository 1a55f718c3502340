"""The part of a picture that matters to a hole."""

from __future__ import annotations

import cv2
import numpy as np

__all__ = ["box_around"]


def box_around(area: np.ndarray, margin: int) -> tuple[slice, slice]:
    """Rows and columns of the True pixels of bool (H, W) and of so many pixels around them, inside the picture."""
    x, y, width, height = cv2.boundingRect(area.view(np.uint8))
    bottom, right = min(y + height + margin, area.shape[0]), min(x + width + margin, area.shape[1])
    return slice(max(0, y - margin), bottom), slice(max(0, x - margin), right)
