"""Painting the hole of one image from what surrounds it, for pixels that no frame shows."""

from __future__ import annotations

from typing import Literal, get_args

import cv2
import numpy as np

__all__ = ["FillMethod", "fill_image"]

FillMethod = Literal["telea", "ns"]

_FLAGS = {"telea": cv2.INPAINT_TELEA, "ns": cv2.INPAINT_NS}


def fill_image(image: np.ndarray, mask: np.ndarray, method: FillMethod = "telea", radius: float = 5) -> np.ndarray:
    """Fill the hole.

    Args:
        image: uint8 (H, W, 3), RGB.
        mask: bool (H, W), True where to fill.
        method: telea, or ns for Navier-Stokes.
        radius: pixels around each filled pixel that are looked at.

    Returns:
        A new uint8 (H, W, 3); pixels outside the mask are bit-identical.
    """
    result = image.copy()
    if mask.any():
        filled = cv2.inpaint(image, mask.astype(np.uint8), radius, _FLAGS[method])
        result[mask] = filled[mask]
    return result
