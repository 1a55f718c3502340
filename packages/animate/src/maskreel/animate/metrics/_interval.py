"""A mean over videos, and how far it would move with other videos."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from maskreel.common.metrics import bootstrap_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["mean_interval"]


def mean_interval(
    values: Sequence[float], *, resamples: int = 2000, level: float = 0.95, seed: int = 0
) -> tuple[float, float, float]:
    """The mean, and the ends between which the middle `level` of the means of redrawn videos lie (bootstrap).

    Args:
        values: one per video; those that are not finite are left out of all three.
        resamples: how often as many videos are drawn, with replacement.
        level: above 0 and below 1.
        seed: the same seed gives the same draws.

    Returns:
        Mean, lower and upper end; all nan without a finite value.
    """
    known = torch.tensor([value for value in values if math.isfinite(value)], dtype=torch.float64)
    if not len(known):
        return math.nan, math.nan, math.nan
    low, high = bootstrap_interval(
        lambda counts: counts @ known / len(known), len(known), resamples=resamples, level=level, seed=seed
    )
    return float(known.mean()), low, high
