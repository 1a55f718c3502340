"""Clips made as uncertain as what a segmenter's masks tell."""

from __future__ import annotations

import math

import torch

from maskreel.vfp.interaction._observed import Observed

__all__ = ["disturbed"]

MOST_NOISE = 3.0
"""Noise is drawn between once and so many times that of exact masks."""
MISSED = 0.03
"""Share of sightings that a segmenter misses."""
TURN_NOISE = 0.08
"""Standard deviation in radians of how cubes are turned."""


def disturbed(observed: Observed, noise: torch.Tensor) -> Observed:
    """Add noise to the places, as uncertain as they are, and to turns, and leave some sightings out.

    Args:
        observed: B clips.
        noise: float32 (B,): factor of the noise.
    """
    clips = len(noise)
    strength = noise * torch.exp(torch.rand(clips, device=noise.device) * math.log(MOST_NOISE))
    deviation = observed.deviation * strength[:, None, None]
    places = observed.places + deviation[..., None] * torch.randn_like(observed.places)
    missed = torch.rand_like(deviation) < MISSED
    yaw = observed.yaw + TURN_NOISE * noise[:, None] * torch.randn_like(observed.yaw)
    return Observed(places, torch.where(missed, 0.0, observed.deviation), observed.shape, yaw)
