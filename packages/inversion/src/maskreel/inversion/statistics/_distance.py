"""How far mean and variance of channels are from those stored, without units or in DeepInversion's."""

from __future__ import annotations

import torch

FLOOR = 1e-3
"""Least variance of a channel that counts, as a share of the mean one of its layer: dead channels have almost none."""
EPSILON = 1e-5
"""Added to all variances, as batch norm itself does: a whole layer may be dead."""
USUAL_LEVEL = 0.25
"""Distance of one real image where its spread was not measured: 0.2 for table frames and `shapes` (noise: 1.9)."""
LEAST_LEVEL = 0.05
"""Least level: frames of one clip are so alike that their spread would be next to nothing."""


def squared_distance(
    mean: torch.Tensor,
    variance: torch.Tensor,
    stored_mean: torch.Tensor,
    stored_variance: torch.Tensor,
    *,
    variance_weight: float = 1.0,
) -> torch.Tensor:
    """Squared distance of each channel from what is stored, without a unit: (..., C).

    (mean - m)^2 / v + log(variance / v)^2 / 2: what the Fisher information says of the distance of two Gaussians, and,
    for near ones, twice their Kullback-Leibler divergence. 1 is a mean off by one standard deviation, or a variance
    off by a factor of 4.1. The logarithm keeps channels that noise drives to a hundredfold variance from deciding
    alone.
    """
    floor = FLOOR * stored_variance.mean() + EPSILON
    scale = stored_variance + floor
    ratio = torch.log((variance + floor) / scale)
    return (mean - stored_mean) ** 2 / scale + (0.5 * variance_weight) * ratio**2


def layer_distance(squared: torch.Tensor, norm: int) -> torch.Tensor:
    """Of the channels (..., C) of a layer: their mean distance, or for norm 2 the root of the mean square."""
    tiny = 1e-12  # the gradient of a root is infinite at 0
    return (squared + tiny).sqrt().mean(-1) if norm == 1 else (squared.mean(-1) + tiny).sqrt()


def published_distance(
    mean: torch.Tensor,
    variance: torch.Tensor,
    stored_mean: torch.Tensor,
    stored_variance: torch.Tensor,
    *,
    norm: int,
    variance_weight: float,
) -> torch.Tensor:
    """DeepInversion's ||mean - m|| + ||variance - v|| (Yin et al. 2020, without squares, as in its code)."""
    parts = (
        torch.linalg.vector_norm(found - kept, ord=norm, dim=-1)
        for found, kept in ((mean, stored_mean), (variance, stored_variance))
    )
    of_mean, of_variance = parts
    return of_mean + variance_weight * of_variance


def level(spread: torch.Tensor | None) -> float:
    """What `layer_distance` is for one real image: the root of its mean spread, or what is usual if that is unknown."""
    return USUAL_LEVEL if spread is None else max(float(spread.mean().sqrt()), LEAST_LEVEL)
