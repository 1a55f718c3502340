"""Driving masks as they are."""

from __future__ import annotations

import logging
from typing import Protocol

import torch
from torch import Tensor

from maskreel.animate.motion._moments import has_subject

__all__ = ["AbsoluteMotion", "MaskMotion"]

logger = logging.getLogger(__name__)


class MaskMotion(Protocol):
    """What turns the driving masks of m into those that r is given."""

    def __call__(self, masks: Tensor) -> Tensor:
        """float (N, 1, s, s) in [0, 1], frames in order, to the same shape; the next call goes on where this ended."""
        ...


class AbsoluteMotion:
    """Driving masks as they are; one that shows no subject is replaced by the last one that does.

    The first time a warning is logged. Masks before the first subject stay as they are.
    """

    def __init__(self) -> None:
        self._last: Tensor | None = None
        self._told = False

    def __call__(self, masks: Tensor) -> Tensor:
        """float (N, 1, s, s) to the same; `masks` itself where all show a subject."""
        good = has_subject(masks)
        if not good.all():
            self._tell()
            return self._held(masks, good)
        if len(masks):
            self._last = masks[-1:].clone()
        return masks

    def _held(self, masks: Tensor, good: Tensor) -> Tensor:
        numbers = torch.arange(len(masks), device=masks.device)
        latest = torch.where(good, numbers, -1).cummax(0).values
        early = latest < 0
        held = masks[torch.where(early, numbers, latest)]
        if self._last is not None:
            held = torch.where(early[:, None, None, None], self._last.to(masks), held)
        if good.any():
            self._last = held[-1:].clone()
        return held

    def _tell(self) -> None:
        if not self._told:
            logger.warning("some driving frames show no subject: the pose before them is kept")
        self._told = True
