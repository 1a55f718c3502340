"""Probabilities to masks, for recall.

A person who is missed stays in the video, while a few pixels too many cost little: hysteresis keeps what is perhaps a
person where it hangs together with what very likely is one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["check_thresholds", "hysteresis", "marked"]


def hysteresis(probability: np.ndarray, low: float, high: float) -> np.ndarray:
    """Connected regions (8 neighbours) of `low` or more that reach `high` somewhere: float32 (H, W) -> bool (H, W)."""
    count, labels = cv2.connectedComponents((probability >= low).astype(np.uint8), connectivity=8)
    regions, keep = np.asarray(labels, np.int32), np.zeros(count, bool)
    keep[regions[probability >= high]] = True
    return keep[regions]


def marked(
    frames: torch.Tensor, probabilities: Callable[[torch.Tensor], np.ndarray], *, batch: int, low: float, high: float
) -> torch.Tensor:
    """Masks of frames that a network sees in batches.

    Args:
        frames: uint8 (T, 3, H, W).
        probabilities: of a person: uint8 (N, 3, H, W) -> float32 (N, H, W).
        batch: frames at a time, at most.
        low: see `hysteresis`.
        high: see `hysteresis`.

    Returns:
        bool (T, H, W).
    """
    masks = np.empty((len(frames), *frames.shape[-2:]), bool)
    for first in range(0, len(frames), batch):
        for i, probability in enumerate(probabilities(frames[first : first + batch]), first):
            masks[i] = hysteresis(probability, low, high)
    return torch.from_numpy(masks)


def check_thresholds(low: float, high: float) -> None:
    """Raise ValueError unless 0 < low <= high < 1."""
    if not 0 < low <= high < 1:
        raise ValueError(f"low and high must satisfy 0 < low <= high < 1, got {low = }, {high = }")
