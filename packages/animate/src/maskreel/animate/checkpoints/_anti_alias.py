"""The constant Gaussian that the reference stores with m."""

from __future__ import annotations

import torch

__all__ = ["anti_alias_weight", "factor_of"]

_TOLERANCE = 1e-4


def anti_alias_weight(factor: int) -> torch.Tensor:
    """The kernel of `SmoothShrink` as a picture for each colour: (3, 1, k, k)."""
    sigma = (factor - 1) / 2
    radius = round(4 * sigma)
    places = torch.arange(-radius, radius + 1, dtype=torch.float32)
    line = torch.exp(-(places**2) / (2 * sigma**2))
    kernel = line[:, None] * line
    return (kernel / kernel.sum()).expand(3, 1, -1, -1).contiguous()


def factor_of(weight: torch.Tensor) -> int | None:
    """The factor, 2 or 4, whose kernel this is; None if it is something else."""
    for factor in (2, 4):
        expected = anti_alias_weight(factor)
        if weight.shape == expected.shape and torch.allclose(weight.float(), expected, atol=_TOLERANCE):
            return factor
    return None
