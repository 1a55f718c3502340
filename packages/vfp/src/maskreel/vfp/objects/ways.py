"""Ways with even deceleration through places: weighted least squares for place and velocity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

__all__ = ["Ways", "squared_misfit"]

_PRIOR_SPEED = 2.0
"""Standard deviation of velocities before anything was seen, in radii of a sphere per frame."""
_PRIOR_PLACE = 1e3
_ROUNDS = 3
_SURE = 1e6
"""A weight against which the prior is nothing."""


@dataclass(frozen=True)
class Ways:
    """Best ways of any number (...) of objects, or through several choices of the places of one.

    x and y are the real and the imaginary part of complex numbers; time 0 is when the place is asked for.
    """

    place: np.ndarray
    """complex128 (...)."""
    velocity: np.ndarray
    """complex128 (...)."""
    spread: np.ndarray
    """float64 (..., 2, 2): covariance of place and velocity, the same in x and y."""
    friction: np.ndarray
    """float64 (...): deceleration."""

    @classmethod
    def through(cls, times: np.ndarray, places: np.ndarray, weights: np.ndarray, friction: np.ndarray | float) -> Self:
        """Fit to places, complex (..., S), seen at times (..., S), with weights (..., S): 1 / variance, 0 to leave out.

        The direction of the deceleration is that of the velocity, so a few rounds are needed.
        """
        first, second = weights * times, weights * times**2
        s0, s1, s2, s3 = weights.sum(-1), first.sum(-1), second.sum(-1), (second * times).sum(-1)
        b0, b1 = (weights * places).sum(-1), (first * places).sum(-1)
        s0, s2p = s0 + _PRIOR_PLACE**-2, s2 + _PRIOR_SPEED**-2
        scale = s0 * s2p - s1**2
        friction = np.asarray(friction, float)
        place, velocity = (s2p * b0 - s1 * b1) / scale, (s0 * b1 - s1 * b0) / scale
        for _ in range(_ROUNDS):
            bend = 0.5 * friction * _direction(velocity)
            c0, c1 = b0 + bend * s2, b1 + bend * s3
            place, velocity = (s2p * c0 - s1 * c1) / scale, (s0 * c1 - s1 * c0) / scale
        spread = np.stack([s2p, -s1, -s1, s0], -1).reshape(*np.shape(scale), 2, 2) / scale[..., None, None]
        return cls(
            place, velocity, np.broadcast_to(spread, (*place.shape, 2, 2)), np.broadcast_to(friction, place.shape)
        )

    def at(self, times: np.ndarray) -> np.ndarray:
        """complex128 (..., S): places at times (..., S); before it rests, something comes to where it does."""
        bend = (0.5 * self.friction * _direction(self.velocity))[..., None]
        return self.place[..., None] + times * self.velocity[..., None] - times**2 * bend

    def variance(self, times: np.ndarray) -> np.ndarray:
        """float64 (..., S): of the place at times (..., S), along x or y."""
        spread = self.spread[..., None, :, :]
        return spread[..., 0, 0] + 2 * times * spread[..., 0, 1] + times**2 * spread[..., 1, 1]


def squared_misfit(frames: np.ndarray, places: np.ndarray, friction: np.ndarray | float) -> np.ndarray:
    """Mean squared distances (...) of places (..., S, 2), seen in frames (..., S), from the best ways.

    `friction`, float64 (...), broadcasts.
    """
    times = (frames - frames[..., -1:]).astype(float)
    points = places[..., 0] + 1j * places[..., 1]
    ways = Ways.through(times, points, np.full(np.shape(times), _SURE), friction)
    return (abs(points - ways.at(times)) ** 2).mean(-1)


def _direction(velocity: np.ndarray) -> np.ndarray:
    return velocity / np.maximum(abs(velocity), 1e-9)
