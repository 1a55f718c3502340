"""A mean with its numbers of cases and its interval by the bootstrap over sequences.

Objects and frames of one sequence depend on each other, sequences do not; so sequences are drawn, not objects.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from maskreel.common.metrics import bootstrap_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Estimate", "estimate"]

RESAMPLES = 1000


@dataclass(frozen=True)
class Estimate:
    """A mean over all cases."""

    value: float
    """nan without a case."""
    count: int
    """Cases that it is the mean of."""
    sequences: int
    interval: tuple[float, float] | None = None
    """95 %; None where fewer than two sequences have a case."""

    def __str__(self) -> str:
        if not self.count:
            return "–"
        if self.interval is None:
            return f"{self.value:.3f}"
        return f"{self.value:.3f} ({self.interval[0]:.3f} to {self.interval[1]:.3f})"


def estimate(groups: Sequence[Sequence[float]], *, resamples: int = RESAMPLES, seed: int = 0) -> Estimate:
    """The mean over the cases of all sequences; cases that are nan have no value and are left out.

    Args:
        groups: The cases of each sequence.
        resamples: How often sequences are drawn.
        seed: The same seed gives the same draws.
    """
    finite = [[value for value in group if not math.isnan(value)] for group in groups]
    finite = [group for group in finite if group]
    counts = torch.tensor([float(len(group)) for group in finite], dtype=torch.float64)
    sums = torch.tensor([math.fsum(group) for group in finite], dtype=torch.float64)
    if not finite:
        return Estimate(math.nan, 0, 0)
    value, count = float(sums.sum() / counts.sum()), int(counts.sum())
    if len(finite) < 2:
        return Estimate(value, count, 1)
    interval = bootstrap_interval(
        lambda drawn: (drawn @ sums) / (drawn @ counts), len(finite), resamples=resamples, seed=seed
    )
    return Estimate(value, count, len(finite), interval)
