"""Probabilities to masks, for recall.

A person who is missed stays in the video, while a few pixels too many cost little: hysteresis keeps what is perhaps a
person where it hangs together with what very likely is one.
"""

from __future__ import annotations

import cv2
import numpy as np

__all__ = ["check_thresholds", "hysteresis"]


def hysteresis(probability: np.ndarray, low: float, high: float) -> np.ndarray:
    """Connected regions (8 neighbours) of `low` or more that reach `high` somewhere: float32 (H, W) -> bool (H, W)."""
    count, labels = cv2.connectedComponents((probability >= low).astype(np.uint8), connectivity=8)
    regions, keep = np.asarray(labels, np.int32), np.zeros(count, bool)
    keep[regions[probability >= high]] = True
    return keep[regions]


def check_thresholds(low: float, high: float) -> None:
    """Raise ValueError unless 0 < low <= high < 1."""
    if not 0 < low <= high < 1:
        raise ValueError(f"low and high must satisfy 0 < low <= high < 1, got {low = }, {high = }")
