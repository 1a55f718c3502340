"""Forecasts of another forecaster as planes, for a network that refines them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from maskreel.vfp.masks._config import KNOWN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maskreel.vfp.occupancy import Occupancy

__all__ = ["dense_prior", "gathered_prior", "prior_planes"]


def prior_planes(priors: Sequence[Occupancy], classes: torch.Tensor, *, cell: int) -> torch.Tensor:
    """Forecasts of B clips as planes of `classes` (B, K): float32 (B, K, H / cell, W / cell), 0 for those they lack."""
    return gathered_prior(torch.stack([dense_prior(prior, cell=cell) for prior in priors]).to(classes.device), classes)


def dense_prior(prior: Occupancy, *, cell: int) -> torch.Tensor:
    """A forecast as planes of all kinds of object, by class id less 1: float16 (48, H / cell, W / cell)."""
    small = functional.avg_pool2d(prior.probability[None], cell)[0].half()
    planes = small.new_zeros(KNOWN, *small.shape[1:])
    planes[[label - 1 for label in prior.classes]] = small
    return planes


def gathered_prior(dense: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
    """Of dense planes (B, 48, h, w) those of `classes` (B, K), 0 for empty places: float32 (B, K, h, w)."""
    place = (classes - 1).clamp(min=0)[..., None, None].expand(-1, -1, *dense.shape[-2:])
    return dense.float().gather(1, place) * (classes > 0)[..., None, None]
