"""How far two sets of pictures lie apart, where there are enough of them to say."""

from __future__ import annotations

from dataclasses import dataclass

import torch

__all__ = ["FLOOR", "KernelDistance", "kernel_distance"]

FLOOR = 50
"""Pictures of each kind below which no distance is given."""


@dataclass(frozen=True)
class KernelDistance:
    """KID: 0 for sets from one distribution, also slightly below."""

    value: float
    deviation: float
    """Standard deviation over the subsets."""
    counts: tuple[int, int]


def kernel_distance(
    ours: torch.Tensor, real: torch.Tensor, *, subsets: int = 100, floor: int = FLOOR, seed: int = 0
) -> KernelDistance:
    """Kernel distance (Binkowski et al. 2018): unbiased MMD^2 with the kernel (x.y / d + 1)^3, mean over subsets.

    Args:
        ours: Features float (N, d), one row per picture.
        real: Features (M, d).
        subsets: Random subsets of the size of `floor`.
        floor: Fewest pictures.
        seed: The same seed gives the same subsets.

    Raises:
        ValueError: There are fewer than `floor` pictures of a kind.
    """
    counts = (len(ours), len(real))
    if min(counts) < floor:
        raise ValueError(
            f"a distance of distributions needs {floor} pictures of each kind, got {counts[0]}, {counts[1]}"
        )
    if ours.ndim != 2 or ours.shape[1:] != real.shape[1:]:
        raise ValueError(f"features must be (N, d) and (M, d), got {tuple(ours.shape)} and {tuple(real.shape)}")
    generator = torch.Generator().manual_seed(seed)
    values = []
    for _ in range(subsets):
        mine, theirs = (x[torch.randperm(len(x), generator=generator)[:floor]].double() for x in (ours, real))
        values.append(_mmd(mine, theirs))
    stacked = torch.stack(values)
    return KernelDistance(float(stacked.mean()), float(stacked.std()), counts)


def _mmd(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    n, width = x.shape

    def kernel(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return (a @ b.T / width + 1) ** 3

    within = [(k.sum() - k.diagonal().sum()) / (n * (n - 1)) for k in (kernel(x, x), kernel(y, y))]
    return within[0] + within[1] - 2 * kernel(x, y).mean()
