"""How far a pooled score would move with other clips: the bootstrap over clips (Efron 1979).

Clips are drawn with replacement, their confusion matrices added up and scored again. Pixels of one clip depend on each
other, clips do not. IoU needs only the row sums, column sums and diagonals of the matrices, so all draws together are
one product of matrices.

A draw has fewer different clips than the set, hence fewer of the rare classes; so with few clips the draws lie above
the score, and the interval reaches farther up than down.
"""

from __future__ import annotations

import torch

__all__ = ["Interval", "bootstrap", "interval"]

Interval = tuple[float, float]
"""Lower and upper end."""


def bootstrap(confusions: torch.Tensor, *, resamples: int = 1000, seed: int = 0) -> torch.Tensor:
    """The pinned score of many draws of N clips.

    Args:
        confusions: (N, classes, classes) counts, N at least 1. The draws depend on N and `seed` alone, so the results
            for two forecasters of the same clips can be subtracted.
        resamples: How many draws.
        seed: The same seed gives the same draws.

    Returns:
        float64 (resamples,): mean IoU over the classes that occur in the draw.
    """
    if confusions.ndim != 3 or len(confusions) == 0:
        raise ValueError(
            f"confusions must have shape (N, classes, classes), N 1 or more, got {tuple(confusions.shape)}"
        )
    if resamples < 1:
        raise ValueError(f"resamples must be 1 or more, got {resamples}")
    hits = confusions.diagonal(dim1=-2, dim2=-1)
    union = confusions.sum(-1) + confusions.sum(-2) - hits
    counts = _draws(len(confusions), resamples, seed)
    # at most 2 ** 53 pixels: float64 adds them up exactly
    return ((counts @ hits.double()) / (counts @ union.double())).nanmean(-1)


def interval(values: torch.Tensor, level: float = 0.95) -> Interval:
    """The middle `level` of values (N,), by their quantiles."""
    if not 0 < level < 1:
        raise ValueError(f"level must be above 0 and below 1, got {level}")
    ends = values.quantile(values.new_tensor([(1 - level) / 2, (1 + level) / 2]))
    return float(ends[0]), float(ends[1])


def _draws(clips: int, resamples: int, seed: int) -> torch.Tensor:
    """float64 (resamples, clips): how often each clip is in each draw."""
    generator = torch.Generator().manual_seed(seed)
    picked = torch.randint(clips, (resamples, clips), generator=generator)
    return torch.zeros(resamples, clips, dtype=torch.float64).scatter_add_(
        1, picked, torch.ones(1, 1, dtype=torch.float64).expand(resamples, clips)
    )
