"""Weights of the loss terms, found instead of tuned: each term gets a wanted share of the gradient at the pixels."""

from __future__ import annotations

import logging
import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Balance", "Measure", "balance", "measure"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Measure:
    """A term at the present images, in units that depend neither on the batch nor on the size."""

    value: float
    gradient: float
    """Root mean square of the slope at a pixel, times the number of pixels; the median over the images."""


@dataclass(frozen=True)
class Balance:
    """Weights, and why; prints as one line."""

    weights: dict[str, float]
    shares: dict[str, float]
    """Reached shares of the summed gradients: the wanted ones, except where a bound held."""
    measures: dict[str, Measure]

    def total(self, terms: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """The weighted sum of the means of float terms (B,) or (); a scalar."""
        return torch.stack([self.weights[name] * term.float().mean() for name, term in terms.items()]).sum()

    def __str__(self) -> str:
        return " | ".join(
            f"{name} {weight:.3g} ({self.shares[name]:.0%}, loss {self.measures[name].value:.3g})"
            for name, weight in self.weights.items()
        )


def measure(terms: Mapping[str, torch.Tensor], images: torch.Tensor) -> dict[str, Measure]:
    """Measure terms at the images that they were computed from; the graph stays for a backward pass after it.

    It costs a backward pass for every term: once for a stage, not for a step.

    Args:
        terms: float (B,), one value for every image, or () for the whole batch. What does not depend on the images has
            a gradient of 0.
        images: float (B, C, H, W) that requires gradients.
    """
    return {name: Measure(float(term.detach().mean()), _gradient(term, images)) for name, term in terms.items()}


def balance(
    measures: Mapping[str, Measure],
    shares: Mapping[str, float],
    *,
    previous: Balance | None = None,
    bound: float = 10.0,
) -> Balance:
    """Weights with which each term has its share of the gradient: share / gradient.

    Multiply a term by a constant, and its weight is divided by it while all else stays; so it is with the bounds, too:

    - A term whose slope has vanished though it is far from done (a saturated network) would get any weight. For each
      term, weight * value / share is held to `bound` times the median over the terms.
    - With `previous`, of a stage or frame before, no weight grows or shrinks by more than `bound`.
    - A term without any gradient keeps its previous weight, or, with a warning, has weight 0 until the next balance.

    Args:
        measures: What `measure` gave.
        shares: Wanted, 0 or more, for the same terms; they need not sum to 1. A term with share 0 has weight 0.
        previous: The balance to stay near to.
        bound: Above 1.

    Raises:
        ValueError: Other names in `shares` than in `measures`, a share that is negative, none above 0, a measure that
            is not finite, or a bound of 1 or less.
    """
    _check(measures, shares, bound)
    whole = sum(shares.values())
    wanted = {name: shares[name] / whole for name in measures}
    weights = _held(_free_weights(measures, wanted), measures, wanted, bound)
    if previous is not None:
        weights = {name: _near(name, weight, wanted[name], previous, bound) for name, weight in weights.items()}
    for name in measures:
        if wanted[name] and not weights[name]:
            logger.warning("%s has no gradient at the pixels: its weight is 0 until the next balance", name)
    return Balance(weights, _reached(weights, measures), dict(measures))


def _gradient(term: torch.Tensor, images: torch.Tensor) -> float:
    if not term.requires_grad:
        return 0.0
    (slope,) = torch.autograd.grad(term.mean(), images, retain_graph=True, allow_unused=True)
    if slope is None:
        return 0.0
    # times the batch: the mean over it divides the slope of each image
    size = torch.linalg.vector_norm(slope.float().flatten(1), dim=1) * images[0].numel() ** 0.5 * len(images)
    return statistics.median(size.tolist())


def _free_weights(measures: Mapping[str, Measure], wanted: Mapping[str, float]) -> dict[str, float]:
    return {
        name: wanted[name] / measured.gradient if measured.gradient > 0 else 0.0 for name, measured in measures.items()
    }


def _held(
    weights: dict[str, float], measures: Mapping[str, Measure], wanted: Mapping[str, float], bound: float
) -> dict[str, float]:
    """No weighted value above `bound` times the median, each for its share."""
    parts = {name: weight * abs(measures[name].value) / wanted[name] for name, weight in weights.items() if weight > 0}
    limit = bound * statistics.median(parts.values()) if parts else 0.0
    too_large = {name: part / limit for name, part in parts.items() if 0 < limit < part}
    return {name: weight / too_large.get(name, 1.0) for name, weight in weights.items()}


def _near(name: str, weight: float, share: float, previous: Balance, bound: float) -> float:
    before = previous.weights.get(name, 0.0)
    if share == 0 or before == 0:
        return weight
    if weight == 0:
        return before
    return min(max(weight, before / bound), before * bound)


def _reached(weights: Mapping[str, float], measures: Mapping[str, Measure]) -> dict[str, float]:
    parts = {name: weight * measures[name].gradient for name, weight in weights.items()}
    whole = sum(parts.values())
    return {name: part / whole if whole else 0.0 for name, part in parts.items()}


def _check(measures: Mapping[str, Measure], shares: Mapping[str, float], bound: float) -> None:
    if measures.keys() != shares.keys():
        raise ValueError(f"shares must name the terms {sorted(measures)}, got {sorted(shares)}")
    if not all(share >= 0 and math.isfinite(share) for share in shares.values()) or not any(shares.values()):
        raise ValueError(f"shares must be 0 or more and one of them above 0, got {dict(shares)}")
    if not bound > 1:
        raise ValueError(f"bound must be above 1, got {bound}")
    for name, measured in measures.items():
        if not (math.isfinite(measured.value) and math.isfinite(measured.gradient)):
            raise ValueError(f"the term {name!r} must be finite, got {measured}")
