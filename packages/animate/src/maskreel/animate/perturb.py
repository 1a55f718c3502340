"""Perturbed masks: what hides the driving subject's shape from the mask refiner.

Every step is a linear resampling along one axis, so whole batches stay on their device and the draws come from one
seeded generator. Masks are rounded to 256 levels first, as published; results between steps stay real numbers, where
the published code rounds each (less than one level of difference for each step).
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["perturb_for_inference", "perturb_for_training", "shrinking"]

_CUTS = 5
_FIRST_CUT, _LAST_CUT, _OF = 15, 45, 64
_STRETCH = 0.25
"""Strips get so much narrower or wider at the most."""
_SHRINK = 0.25
"""P_test makes masks so much smaller."""
_NOISE = 20.0
"""Mean of the Poisson noise in levels of 255."""


def perturb_for_training(
    masks: Tensor, *, threshold: float = 60 / 255, strength: float = 1.0, generator: torch.Generator | None = None
) -> Tensor:
    """P_train: six strips of the mask stretched apart, across and then along, what is faint removed, noise.

    First five cuts in the middle half, the same for the whole batch, make upright strips; in each image each strip is
    scaled across by 0.75 to 1.25 about its centre, and the whole mask then vertically by 0.75 to 1.25. The same
    follows with level strips. Values up to `threshold` become 0, and every pixel gets Poisson noise of mean 20/255
    and of either sign.

    Args:
        masks: float (N, 1, h, w) in [0, 1].
        threshold: in [0, 1].
        strength: of scales and noise, 0 (what is faint is removed, no more) to below 4; 1 as published.
        generator: of the draws, on the device of `masks`; by default torch's own.

    Returns:
        float (N, 1, h, w) in [0, 1], without gradient.
    """
    stretched, most = _quantised(masks, threshold=None), _checked(strength) * _STRETCH
    for strips, whole in ((-1, -2), (-2, -1)):
        stretched = _scaled(stretched, strips, _strips(stretched, strips, generator), most, generator)
        stretched = _scaled(stretched, whole, _one_strip(stretched, whole), most, generator)
    levels = _above(stretched, threshold) * 255
    noise = torch.poisson(torch.full_like(levels, strength * _NOISE), generator)
    sign = torch.randint(0, 2, levels.shape, generator=generator, device=levels.device) * 2 - 1
    return (levels + sign * noise).clamp(0, 255) / 255


def perturb_for_inference(masks: Tensor, *, threshold: float = 60 / 255, strength: float = 1.0) -> Tensor:
    """P_test: what is faint removed, and all of it made smaller by 0.75 about the centre of the picture.

    Args:
        masks: float (N, 1, h, w) in [0, 1].
        threshold: in [0, 1].
        strength: of what it is made smaller by, 0 (not at all) to below 4; 1 as published.

    Returns:
        float (N, 1, h, w) in [0, 1], without gradient.
    """
    shrunk, scale = _quantised(masks, threshold), 1 - _checked(strength) * _SHRINK
    for axis in (-1, -2):
        edges = _one_strip(shrunk, axis)
        shrunk = _resampled(shrunk, axis, edges, torch.full((len(masks), 1), scale, device=masks.device))
    return shrunk


def shrinking(length: int, strength: float = 1.0) -> Tensor:
    """What P_test does along one axis, as a matrix: float (length, length), for row vectors on its left."""
    rows = torch.eye(length)[None, None]
    scale = torch.full((1, 1), 1 - _checked(strength) * _SHRINK)
    return _resampled(rows, -1, _one_strip(rows, -1), scale)[0, 0]


def _checked(strength: float) -> float:
    if not 0 <= strength < 4:  # at 4 nothing would be left
        raise ValueError(f"strength must be at least 0 and below 4, got {strength}")
    return strength


def _quantised(masks: Tensor, threshold: float | None) -> Tensor:
    if masks.dim() != 4 or masks.shape[1] != 1:
        raise ValueError(f"masks must have the shape (N, 1, h, w), got {tuple(masks.shape)}")
    rounded = (masks.detach().float() * 255).round() / 255
    return rounded if threshold is None else _above(rounded, threshold)


def _above(masks: Tensor, threshold: float) -> Tensor:
    return torch.where(masks > threshold + 1e-6, masks, 0)


def _one_strip(masks: Tensor, axis: int) -> Tensor:
    return torch.tensor([0, masks.shape[axis]], device=masks.device)


def _strips(masks: Tensor, axis: int, generator: torch.Generator | None) -> Tensor:
    """Edges of six strips: int64 (7,)."""
    length, device = masks.shape[axis], masks.device
    first, last = round(length * _FIRST_CUT / _OF), round(length * _LAST_CUT / _OF)
    order = torch.randperm(last - first + 1, generator=generator, device=device)
    cuts = (first + order[:_CUTS]).sort().values
    ends = torch.tensor([0, length], device=device)
    return torch.cat([ends[:1], cuts, ends[1:]])


def _scaled(masks: Tensor, axis: int, edges: Tensor, most: float, generator: torch.Generator | None) -> Tensor:
    """Each strip of each image by a factor of its own, `most` from 1 at the most."""
    low, high = 1 - most, 1 + most
    draws = torch.rand((len(masks), len(edges) - 1), generator=generator, device=masks.device)
    return _resampled(masks, axis, edges, low + (high - low) * draws)


def _resampled(masks: Tensor, axis: int, edges: Tensor, scales: Tensor) -> Tensor:
    """Strips between `edges` scaled about their centres, linearly, with nothing outside each strip.

    Args:
        masks: (N, 1, h, w).
        axis: -1 or -2.
        edges: int64 (K + 1,), rising.
        scales: (N, K).
    """
    places = torch.arange(masks.shape[axis], device=masks.device)
    strip = torch.bucketize(places, edges[1:-1], right=True)
    first, last = edges[strip], edges[strip + 1] - 1
    centre = (first + last) / 2
    source = (places - centre) / scales[:, strip] + centre
    left = source.floor()
    rows = masks if axis == -1 else masks.transpose(-1, -2)
    result = torch.zeros_like(rows)
    for tap, weight in ((left, 1 - (source - left)), (left + 1, source - left)):
        inside = (tap >= first) & (tap <= last)
        index = tap.clamp(0, rows.shape[-1] - 1).long()[:, None, None, :].expand(rows.shape)
        result = result + rows.gather(-1, index) * (weight * inside)[:, None, None, :]
    return result if axis == -1 else result.transpose(-1, -2)
