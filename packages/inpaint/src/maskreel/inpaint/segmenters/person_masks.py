"""Masks of people from what a network says, for recall.

A person who is missed stays in the video, while a few pixels too many cost little: hysteresis keeps what is perhaps a
person where it hangs together with what very likely is one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch

from maskreel.inpaint._device import network_device

if TYPE_CHECKING:
    from maskreel.common.video import Clip
    from maskreel.inpaint._device import Device

__all__ = ["PersonSegmenter", "hysteresis"]


def hysteresis(probability: np.ndarray, low: float, high: float) -> np.ndarray:
    """Connected regions (8 neighbours) of `low` or more that reach `high` somewhere: float32 (H, W) -> bool (H, W)."""
    count, labels = cv2.connectedComponents((probability >= low).astype(np.uint8), connectivity=8)
    regions, keep = np.asarray(labels, np.int32), np.zeros(count, bool)
    keep[regions[probability >= high]] = True
    return keep[regions]


class PersonSegmenter(ABC):
    """What segmenters of people by a network have in common. A `Segmenter`.

    A network says in `_probabilities` how likely each pixel shows a person; the rest is done here.

    Args:
        device: where the network works; auto is CUDA where there is a device, else the CPU.
        short_side: pixels that the frame's shorter side is resized to; None keeps frames as they are.
        low: see `hysteresis`.
        high: see `hysteresis`.
        batch: frames that go through the network at a time, at most.
    """

    _description: str
    """Which network it is, with which weights."""

    def __init__(
        self, device: Device | torch.device, short_side: int | None, *, low: float, high: float, batch: int
    ) -> None:
        if not 0 < low <= high < 1:
            raise ValueError(f"low and high must satisfy 0 < low <= high < 1, got {low = }, {high = }")
        if batch < 1 or (short_side is not None and short_side < 1):
            raise ValueError(f"short_side and batch must be 1 or more, got {short_side = }, {batch = }")
        self.device = network_device(device)
        self._short_side, self._low, self._high, self._batch = short_side, low, high, batch

    def __repr__(self) -> str:
        """All that decides what is marked, so that a job knows whether masks made earlier still hold."""
        settings = f"short_side={self._short_side}, low={self._low}, high={self._high}"
        return f"{type(self).__name__}({self._description}, {settings})"

    def __call__(self, clip: Clip, start: int) -> torch.Tensor:
        """Segment the people in all frames: bool (T, H, W)."""
        masks = torch.empty(len(clip), *clip.size, dtype=torch.bool)
        for first in range(0, len(clip), self._batch):
            for i, probability in enumerate(self._probabilities(clip.frames[first : first + self._batch]), first):
                masks[i] = torch.from_numpy(hysteresis(probability, self._low, self._high))
        return masks

    @abstractmethod
    def _probabilities(self, frames: torch.Tensor) -> np.ndarray:
        """Probability of a person: uint8 (N, 3, H, W) -> float32 (N, H, W)."""
