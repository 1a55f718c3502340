"""From sightings to the numbers that the network is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from maskreel.vfp.objects.solids import SHAPES
from maskreel.vfp.timeline import FRAMES, OBSERVED

if TYPE_CHECKING:
    from maskreel.vfp.interaction._observed import Observed

__all__ = [
    "AHEAD",
    "LAYOUT",
    "OBJECT_FEATURES",
    "PAIR_FEATURES",
    "UNIT",
    "object_features",
    "pair_features",
    "velocities",
]

LAYOUT = 1
"""Version of what the features are; weights of another one are refused."""
AHEAD = FRAMES - OBSERVED
"""Frames that are forecast."""
UNIT = 4.0
"""Radii of a sphere that make 1 in the network's inputs and outputs."""
OBJECT_FEATURES = 4 * OBSERVED + 2 + len(SHAPES) + 2 + 1 + 2
PAIR_FEATURES = 7 + 2 * len(SHAPES)

_SURE = 0.03
"""A place with this standard deviation counts as sure."""
_NEWEST = 4
"""Sightings that tell the velocity."""
_PRIOR_SPEED = 2.0
"""Standard deviation of velocities before anything was seen, as in `objects.state`."""


def velocities(observed: Observed) -> torch.Tensor:
    """float32 (B, N, 2), per frame: slope of the line through the newest four sightings, sure ones counting more."""
    seen = observed.seen
    newest = seen & (seen.flip(-1).cumsum(-1).flip(-1) <= _NEWEST)
    weight = torch.where(newest, observed.deviation.clamp(min=1e-3) ** -2, 0.0)
    time = (torch.arange(OBSERVED, device=seen.device) - observed.last[..., None]).float()
    off = torch.where(newest[..., None], observed.places - observed.last_places[..., None, :], 0.0)
    total, first, second = (weight.sum(-1), (weight * time).sum(-1), (weight * time**2).sum(-1))
    slope = total[..., None] * _along(weight * time, off) - first[..., None] * _along(weight, off)
    spread = total * (second + _PRIOR_SPEED**-2) - first**2
    return slope / spread.clamp(min=1e-6)[..., None]


def _along(weight: torch.Tensor, off: torch.Tensor) -> torch.Tensor:
    return (weight[..., None] * off).sum(-2)


def object_features(observed: Observed, velocity: torch.Tensor) -> torch.Tensor:
    """float32 (B, N, `OBJECT_FEATURES`), the same wherever on the table the whole clip is.

    The way relative to the last place, which frames it was seen in and how surely, the last place relative to the
    middle of all objects, shape, turn, time of the last sighting, velocity.

    Args:
        observed: The clips.
        velocity: From `velocities`.
    """
    seen, present = observed.seen, observed.present[..., None]
    last = observed.last_places
    way = torch.where(seen[..., None], observed.places - last[..., None, :], 0.0) / UNIT
    sure = torch.where(seen, (_SURE / observed.deviation.clamp(min=_SURE)), 0.0)
    middle = (last * present).sum(1, keepdim=True) / present.sum(1, keepdim=True).clamp(min=1)
    parts = (
        way.flatten(-2),
        seen.float(),
        sure,
        (last - middle) / UNIT,
        _one_hot(observed.shape),
        _turn(observed.yaw),
        observed.last[..., None] / (OBSERVED - 1),
        velocity * (AHEAD / UNIT),
    )
    return torch.cat(parts, -1) * present


def pair_features(observed: Observed, velocity: torch.Tensor) -> torch.Tensor:
    """float32 (B, N, N, `PAIR_FEATURES`): the second object as seen from the first.

    Where it is and how it moves relative to the first, how near they come to each other if both go on evenly, and when;
    both shapes.
    """
    waited = (OBSERVED - 1 - observed.last)[..., None]
    now = observed.last_places + velocity * waited
    apart = (now[:, None] - now[:, :, None]) / UNIT
    closing = (velocity[:, None] - velocity[:, :, None]) * (AHEAD / UNIT)
    when = (-(apart * closing).sum(-1) / (closing**2).sum(-1).clamp(min=1e-6)).clamp(0, 1)
    nearest = apart + when[..., None] * closing
    shapes = _one_hot(observed.shape)
    count = shapes.shape[1]
    parts = (
        apart,
        closing,
        _length(apart),
        when[..., None],
        _length(nearest),
        shapes[:, :, None].expand(-1, -1, count, -1),
        shapes[:, None].expand(-1, count, -1, -1),
    )
    both = observed.present[:, None] & observed.present[:, :, None]
    return torch.cat(parts, -1) * both[..., None]


def _turn(yaw: torch.Tensor) -> torch.Tensor:
    """The same after every quarter turn; 0 where it is not known."""
    return torch.stack([(4 * yaw).cos(), (4 * yaw).sin()], -1).nan_to_num()


def _length(vectors: torch.Tensor) -> torch.Tensor:
    return (vectors**2).sum(-1, keepdim=True).sqrt()


def _one_hot(shape: torch.Tensor) -> torch.Tensor:
    return functional.one_hot(shape.clamp(min=0), len(SHAPES)).float()
