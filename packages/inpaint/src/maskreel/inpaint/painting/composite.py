"""Put filled pixels into a frame; every other pixel stays as it was, bit for bit."""

from __future__ import annotations

import numpy as np

__all__ = ["composite"]


def composite(frame: np.ndarray, fill: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Blend `fill` over `frame` where `alpha` is above 0.

    Args:
        frame: uint8 (H, W, 3).
        fill: uint8 (H, W, 3).
        alpha: float32 (H, W), 0 to 1.

    Returns:
        uint8 (H, W, 3), a new array.
    """
    result = frame.copy()
    places = np.flatnonzero(alpha > 0)
    weight = alpha.reshape(-1)[places, None]
    old, new = frame.reshape(-1, 3)[places], fill.reshape(-1, 3)[places]
    result.reshape(-1, 3)[places] = np.round(old + weight * (new.astype(np.float32) - old))
    return result
