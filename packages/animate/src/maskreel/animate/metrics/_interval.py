"""How far a mean over videos would move with other videos: the bootstrap (Efron 1979)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["mean_interval"]


def mean_interval(
    values: Sequence[float], *, resamples: int = 2000, level: float = 0.95, seed: int = 0
) -> tuple[float, float, float]:
    """The mean, and the ends between which the middle `level` of the means of redrawn videos lie.

    Args:
        values: one per video; those that are not finite are left out of all three.
        resamples: how often as many videos are drawn, with replacement.
        level: above 0 and below 1.
        seed: the same seed gives the same draws.

    Returns:
        Mean, lower and upper end; all nan without a finite value.
    """
    if resamples < 1:
        raise ValueError(f"resamples must be 1 or more, got {resamples}")
    if not 0 < level < 1:
        raise ValueError(f"level must be above 0 and below 1, got {level}")
    known = np.array([value for value in values if math.isfinite(value)], np.float64)
    if not len(known):
        return math.nan, math.nan, math.nan
    draws = known[np.random.default_rng(seed).integers(len(known), size=(resamples, len(known)))].mean(1)
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return float(known.mean()), float(low), float(high)
