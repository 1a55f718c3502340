"""Masks steadied over time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

if TYPE_CHECKING:
    from maskreel.animate.motion._absolute import MaskMotion

__all__ = ["Smoothed"]

_MOVING = 0.25
"""Mean change around a pixel from which on it is motion and nothing is smoothed."""
_WINDOWS = 9
"""So many windows fit across a mask."""


class Smoothed:
    """Exponential smoothing of what another motion gives, except where masks really move.

    Each pixel keeps the share k of its smoothed past: y_t = k y_(t-1) + (1 - k) x_t. k is `strength` where nothing
    changes around the pixel and falls linearly to 0 where the mean of |x_t - y_(t-1)| in a window (7 pixels for masks
    of 64) reaches 1/4. So edges that tremble are steadied, while a straight edge a quarter of the window (1.75 pixels)
    or more away is followed at once: smoothed edges never lag by more. A limb that vanishes for a single frame is not
    brought back.

    Args:
        motion: whose masks are smoothed.
        strength: 0 (nothing) to below 1.
    """

    def __init__(self, motion: MaskMotion, strength: float = 0.6) -> None:
        if not 0 <= strength < 1:
            raise ValueError(f"strength must be in [0, 1), got {strength}")
        self._motion, self._strength = motion, strength
        self._last: Tensor | None = None

    def __call__(self, masks: Tensor) -> Tensor:
        """float (N, 1, s, s) to the same."""
        return torch.cat([self._next(mask) for mask in self._motion(masks).split(1)]) if len(masks) else masks

    def _next(self, mask: Tensor) -> Tensor:
        if self._last is not None:
            mask = mask + self._kept(mask, self._last) * (self._last - mask)
        self._last = mask
        return mask

    def _kept(self, mask: Tensor, last: Tensor) -> Tensor:
        """k of each pixel, (1, 1, s, s)."""
        reach = mask.shape[-1] // (2 * _WINDOWS)
        window = 2 * max(1, reach) + 1
        change = F.avg_pool2d((mask - last).abs(), window, stride=1, padding=window // 2, count_include_pad=False)
        return self._strength * (1 - change / _MOVING).clamp(min=0)
