"""How far a number would move with other cases: the bootstrap.

B. Efron, "Bootstrap Methods: Another Look at the Jackknife", Annals of Statistics 7 (1979); the interval is that of
percentiles (B. Efron and R. Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable


def bootstrap_interval(
    statistic: Callable[[torch.Tensor], torch.Tensor],
    cases: int,
    *,
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> tuple[float, float]:
    """The ends between which the middle `level` of a statistic lies when the cases are drawn again.

    As many cases are drawn as there are, with replacement. A case is what does not depend on the others: a video, not
    its frames. Few cases make it too narrow, as for any bootstrap: a draw never has more variety than they have.

        low, high = bootstrap_interval(lambda counts: counts @ values / len(values), len(values))

    Args:
        statistic: Takes all draws at once, float64 (resamples, cases) on the CPU, how often each case is in each draw;
            gives a number for each, (resamples,). What is made of sums over cases is a product of matrices then, and
            the difference of two statistics is of the same draws.
        cases: 1 or more.
        resamples: How many draws, 1 or more.
        level: Above 0 and below 1.
        seed: Cases, resamples and seed alone make the draws.

    Returns:
        Lower and upper end; nan if the statistic of any draw is.
    """
    if cases < 1:
        raise ValueError(f"cases must be 1 or more, got {cases}")
    if resamples < 1:
        raise ValueError(f"resamples must be 1 or more, got {resamples}")
    if not 0 < level < 1:
        raise ValueError(f"level must be above 0 and below 1, got {level}")
    found = statistic(_draws(cases, resamples, seed))
    if found.shape != (resamples,):
        raise ValueError(f"statistic must give a number for each of {resamples} draws, got shape {tuple(found.shape)}")
    low, high = found.quantile(found.new_tensor([(1 - level) / 2, (1 + level) / 2])).tolist()
    return low, high


def _draws(cases: int, resamples: int, seed: int) -> torch.Tensor:
    """float64 (resamples, cases): how often each case is in each draw."""
    picked = torch.randint(cases, (resamples, cases), generator=torch.Generator().manual_seed(seed))
    one = torch.ones(1, 1, dtype=torch.float64)
    return torch.zeros(resamples, cases, dtype=torch.float64).scatter_add_(1, picked, one.expand(resamples, cases))
