"""Competition: images on which a verifier, or a student, does not agree with the teacher (Yin et al. 2020, R_adi).

One minus a divergence of the two networks' probabilities: 1 where they agree, less where they differ. Nothing here
knows of networks; what is compared are answers. The `published_` form is DeepInversion's, for reproduction only: it
compares clamped probabilities, which no longer sum to 1, and measures from their mean, KL(M | P), where the
Jensen-Shannon divergence is KL(P | M).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Competition", "class_competition", "mask_competition", "published_competition"]

TEMPERATURE = 3.0
PUBLISHED_RANGE = (0.01, 0.99)
LN2 = 0.6931471805599453


@dataclass(frozen=True)
class Competition:
    """A verifier to compete against: called with the images, and with the teacher's answer to them."""

    verifier: Callable[[torch.Tensor], torch.Tensor]
    """Images float (B, 3, H, W) to class logits (B, C, H', W'); differentiable, unless `detach`."""
    temperature: float = TEMPERATURE
    detach: bool = False
    """Give the images no gradient through the verifier; cheaper by its backward pass."""

    def __post_init__(self) -> None:
        _check_temperature(self.temperature)

    def __call__(self, images: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
        """Compare the verifier's logits, resized to those of the teacher (B, C, h, w), with them: (B,)."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.detach):
            verifier = self.verifier(images)
        if verifier.shape[-2:] != teacher.shape[-2:]:
            verifier = functional.interpolate(verifier, teacher.shape[-2:], mode="bilinear", align_corners=False)
        return class_competition(teacher, verifier, temperature=self.temperature)


def class_competition(
    teacher: torch.Tensor,
    verifier: torch.Tensor,
    *,
    temperature: float = TEMPERATURE,
    counted: torch.Tensor | None = None,
) -> torch.Tensor:
    """One minus the Jensen-Shannon divergence in bits, mean over the pixels.

    Args:
        teacher: float (B, C, ...), class logits.
        verifier: The same of the other network, for the same classes in the same order.
        temperature: Logits are divided by it, so that the less likely classes matter, too.
        counted: bool (B, ...), the pixels to compare, for instance those that are not void; an image without any has 1.

    Returns:
        (B,), in [0, 1].

    Raises:
        ValueError: The shapes differ, there are fewer than 2 classes, or the temperature is not above 0.
    """
    _check_classes(teacher, verifier, temperature)
    first, second = ((logits.float() / temperature).log_softmax(1) for logits in (teacher, verifier))
    return 1 - _mean(_divergence(first, second, dim=1), counted)


def mask_competition(
    teacher: torch.Tensor, verifier: torch.Tensor, *, temperature: float = TEMPERATURE
) -> torch.Tensor:
    """The same of mask probabilities in [0, 1], float (N, ...): (N,), one value for each object.

    Raises ValueError when the shapes differ or the temperature is not above 0.
    """
    _check_shapes(teacher, verifier)
    _check_temperature(temperature)
    first, second = (_both(masks.float(), temperature) for masks in (teacher, verifier))
    return 1 - _mean(_divergence(first, second, dim=0), None)


def published_competition(
    teacher: torch.Tensor, verifier: torch.Tensor, *, temperature: float = TEMPERATURE
) -> torch.Tensor:
    """DeepInversion's R_adi of class logits (B, C), or its mean over the positions of (B, C, ...); a scalar."""
    _check_classes(teacher, verifier, temperature)
    first, second = ((logits.float() / temperature).softmax(1) for logits in (verifier, teacher))
    mean = ((first + second) / 2).clamp(*PUBLISHED_RANGE)
    logs = [mean.log() - part.clamp(*PUBLISHED_RANGE).log() for part in (first, second)]
    divergence = (mean * (logs[0] + logs[1])).sum(1) / 2
    return 1 - divergence.mean().clamp(0, 1)


def _divergence(first: torch.Tensor, second: torch.Tensor, *, dim: int) -> torch.Tensor:
    """Jensen-Shannon divergence of log probabilities along `dim`, in bits: 0 to 1."""
    mean = torch.logaddexp(first, second) - LN2
    parts = first.exp() * (first - mean) + second.exp() * (second - mean)
    return parts.sum(dim) / (2 * LN2)


def _both(masks: torch.Tensor, temperature: float) -> torch.Tensor:
    """Log probabilities of object and background at the temperature, (2, N, ...)."""
    logits = masks.clamp(1e-6, 1 - 1e-6).logit() / temperature
    return torch.stack([functional.logsigmoid(logits), functional.logsigmoid(-logits)])


def _mean(values: torch.Tensor, counted: torch.Tensor | None) -> torch.Tensor:
    """Over all but the first dimension."""
    if counted is None:
        return values.flatten(1).mean(1) if values.ndim > 1 else values
    if counted.shape != values.shape:
        raise ValueError(f"counted must have shape {tuple(values.shape)}, got {tuple(counted.shape)}")
    counted = counted.flatten(1)
    return (values.flatten(1) * counted).sum(1) / counted.sum(1).clamp(min=1)


def _check_classes(teacher: torch.Tensor, verifier: torch.Tensor, temperature: float) -> None:
    _check_shapes(teacher, verifier)
    _check_temperature(temperature)
    if teacher.ndim < 2 or teacher.shape[1] < 2:
        raise ValueError(f"logits must have shape (B, C, ...) with 2 classes or more, got {tuple(teacher.shape)}")


def _check_shapes(teacher: torch.Tensor, verifier: torch.Tensor) -> None:
    if teacher.shape != verifier.shape:
        raise ValueError(f"verifier must have the shape of teacher {tuple(teacher.shape)}, got {tuple(verifier.shape)}")


def _check_temperature(temperature: float) -> None:
    if not temperature > 0:
        raise ValueError(f"temperature must be above 0, got {temperature}")
