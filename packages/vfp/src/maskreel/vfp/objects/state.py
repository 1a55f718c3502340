"""Where an object is at the newest observed frame, how fast it goes, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from maskreel.vfp.objects.ways import Ways, squared_misfit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maskreel.vfp.objects.tracks import Track

__all__ = ["State", "estimate_state", "estimate_states", "squared_misfit"]

_FEWEST = 3
"""Sightings that are taken in whatever they are, if there are so many."""
_MISFIT = 3.5
"""Standard deviations by which a place may be off the fitted way before a collision is taken to lie between."""
_RESTING = 3.0
"""Standard deviations above which a speed is one."""


@dataclass(frozen=True)
class State:
    """Of one object at one frame; lengths in radii of a sphere, times in frames."""

    place: np.ndarray
    """float64 (2,)."""
    velocity: np.ndarray
    """float64 (2,)."""
    spread: np.ndarray
    """float64 (2, 2): covariance of place and velocity, the same in x and y."""
    moving: bool
    """False where nothing speaks against rest; the velocity is zero then."""
    misfit: float
    """Chi-squared of the places that were used, per degree of freedom."""
    used: int
    """Sightings that were used: the newest ones, back to the last collision."""


def estimate_state(track: Track, friction: float, now: int) -> State:
    """Fit motion with even deceleration to the newest sightings of a track.

    From the newest three, older ones are taken in as long as they lie on the way.

    Args:
        track: One or more sightings.
        friction: Deceleration.
        now: The frame that the state is for.
    """
    return estimate_states([track], np.array([[friction]]), now)[0][0]


def estimate_states(clip: Sequence[Track], friction: np.ndarray, now: int) -> list[list[State]]:
    """`estimate_state` of N tracks with M decelerations each, float64 (M, N), at once: M lists of N."""
    if not clip:
        return [[] for _ in friction]
    sights = _Sights.of(clip, now)
    chosen = sights.choices()
    ways = Ways.through(sights.times[:, None], sights.places[:, None], chosen, friction[..., None])
    off = abs(sights.places[:, None] - ways.at(sights.times[:, None]))
    variance = ways.variance(sights.times[:, None]) + sights.deviation[:, None] ** 2
    # Row k is fitted to the newest 3 + k places, and explains the next older one or is the last that is taken.
    row = np.arange(chosen.shape[1])
    next_older = np.maximum(chosen.shape[2] - _FEWEST - 1 - row, 0)
    surprising = (off > _MISFIT * np.sqrt(variance))[..., row, next_older]
    rows = (surprising | (sights.counts[:, None] <= _FEWEST + row)).argmax(-1)
    return [
        [
            _state(ways, (m, n, row), chosen[n, row], sights.places[n], off[m, n, row])
            for n, row in enumerate(rows[m].tolist())
        ]
        for m in range(len(friction))
    ]


@dataclass(frozen=True)
class _Sights:
    """The sightings of N objects, the newest at the end, with nothing before the oldest: N, S of all arrays."""

    times: np.ndarray
    places: np.ndarray
    deviation: np.ndarray
    counts: np.ndarray
    """int64 (N,): of the sightings."""

    @classmethod
    def of(cls, clip: Sequence[Track], now: int) -> Self:
        counts = np.array([len(track.frames) for track in clip])
        size = (len(clip), max(_FEWEST, int(counts.max())))
        times, places, deviation = np.zeros(size), np.zeros(size, complex), np.ones(size)
        for n, track in enumerate(clip):
            newest = slice(size[1] - counts[n], None)
            times[n, newest] = track.frames - now
            places[n, newest] = track.places[:, 0] + 1j * track.places[:, 1]
            deviation[n, newest] = track.deviation
        return cls(times, places, deviation, counts)

    def choices(self) -> np.ndarray:
        """float64 (N, C, S): weights of the newest 3, 4, ... sightings, without those that are not there."""
        size = self.times.shape[1]
        age = np.arange(size)[::-1]
        wanted = np.arange(_FEWEST, size + 1)
        there = age < self.counts[:, None]
        return (self.deviation**-2.0 * there)[:, None] * (age < wanted[:, None])


def _state(ways: Ways, at: tuple[int, int, int], weights: np.ndarray, places: np.ndarray, off: np.ndarray) -> State:
    count = int((weights > 0).sum())
    misfit = float((weights * off**2).sum()) / max(2 * count - 4, 1)
    spread = ways.spread[at] * max(misfit, 1.0)
    velocity = complex(ways.velocity[at])
    # What stops within a frame cannot be told from what rests, and rests soon.
    least = max(_RESTING * float(spread[1, 1]) ** 0.5, float(ways.friction[at]))
    if count > 1 and abs(velocity) > least:
        return State(_pair(complex(ways.place[at])), _pair(velocity), spread, True, misfit, count)
    place = complex((weights * places).sum() / weights.sum())
    at_rest = np.diag([1 / weights.sum(), 0.0]) if count > 1 else spread
    return State(_pair(place), np.zeros(2), at_rest, False, misfit, count)


def _pair(value: complex) -> np.ndarray:
    return np.array([value.real, value.imag])
