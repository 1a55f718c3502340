"""The learning rate as a function of the step, so that there is no state to save."""

from __future__ import annotations

import math
from bisect import bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from maskreel.common.training._config import TrainingConfig

__all__ = ["learning_rate"]

FIRST_SHARE = 1 / 25
"""Of the rate at the first step of a warm-up."""
LAST_SHARE = 1e-4
"""Of the first rate of onecycle, at its end."""
ONECYCLE_WARMUP = 0.3


def learning_rate(config: TrainingConfig, step: int, steps: int) -> float:
    """The rate of step number `step`, from 0, of `steps`.

    onecycle equals `torch.optim.lr_scheduler.OneCycleLR` with its defaults (Smith and Topin 2018, two phases).
    """
    top = _warmup(config) * steps - 1  # where torch, too, places the top
    if step < top:
        return config.lr * _rising(config, step / top)
    if config.schedule == "constant":
        return config.lr
    if config.schedule == "step":
        return config.lr * config.gamma ** bisect_right([share * steps for share in config.milestones], step)
    lowest = FIRST_SHARE * LAST_SHARE if config.schedule == "onecycle" else 0.0
    start, end = max(top, 0.0), steps - 1 if config.schedule == "onecycle" else steps
    return config.lr * _half_cosine(1.0, lowest, (step - start) / (end - start) if end > start else 1.0)


def _warmup(config: TrainingConfig) -> float:
    if config.warmup is not None:
        return config.warmup
    return ONECYCLE_WARMUP if config.schedule == "onecycle" else 0.0


def _rising(config: TrainingConfig, share: float) -> float:
    if config.schedule == "onecycle":
        return _half_cosine(FIRST_SHARE, 1.0, share)
    return FIRST_SHARE + (1 - FIRST_SHARE) * share


def _half_cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2
