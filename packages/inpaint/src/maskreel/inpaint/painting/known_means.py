"""Shrinking what has holes: what stands in a hole must not bleed into what is known."""

from __future__ import annotations

import cv2
import numpy as np

__all__ = ["known_means"]


def known_means(values: np.ndarray, hole: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Shrink by means over areas, of known pixels alone.

    Args:
        values: uint8 or float32 (H, W, C) with C at most 4; what stands in the hole, if it is finite, does not matter.
        hole: bool (H, W), True where values are not known.
        size: (height, width) to shrink to.

    Returns:
        float32 (height, width, C), means of what is known, where that is a millionth of the area or more, and near
        zero elsewhere; float32 (height, width), the share of the area that is known.
    """
    known = (~hole).astype(np.float32)
    share = _shrunk(known, size)[..., 0]
    return _shrunk(values * known[..., None], size) / np.maximum(share, 1e-6)[..., None], share


def _shrunk(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """float32 (height, width, C)."""
    return cv2.resize(values, size[::-1], interpolation=cv2.INTER_AREA).reshape(*size, -1)
