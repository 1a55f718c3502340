"""How things on a table move, from the tracks of training clips."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.optimize import minimize_scalar

from maskreel.common.errors import InputError
from maskreel.vfp.objects.fit_collisions import fit_collisions
from maskreel.vfp.objects.solids import CUBE, CYLINDER, SHAPES, SPHERE, shape_of
from maskreel.vfp.objects.state import estimate_state
from maskreel.vfp.objects.table import Motion
from maskreel.vfp.objects.ways import squared_misfit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maskreel.vfp.objects.table import Table
    from maskreel.vfp.objects.tracks import Track

__all__ = ["fit_motion", "measure_noise"]

logger = logging.getLogger(__name__)

_WINDOW = 7
"""Sightings in a row that tell a deceleration."""
_WAY = 1.0
"""Radii that something has to move in them."""
_FASTEST = 0.2
"""The highest deceleration that is looked for, in radii per frame squared."""
_MOST = 5000
"""Stretches that are looked at."""
_LEAST_SPREAD = 0.1
"""Of the logarithms of speeds: below it, a clip whose speeds are but a little different would count as impossible."""


def fit_motion(table: Table, clips: Sequence[Sequence[Track]]) -> Motion:
    """Friction by shape, then how fast things are, then restitution and grip.

    Friction makes stretches of seven sightings fit best; it is 0 for a shape that has none. Restitution and grip make
    simulated clips go on as the tracks do, in those in which something collides.

    Args:
        table: Camera and solids; its motions do not matter.
        clips: The tracks of each clip over all its frames.

    Raises:
        InputError: Nothing moves in the clips.
    """
    cube, sphere, cylinder = (_fit_friction(clips, shape) for shape in (CUBE, SPHERE, CYLINDER))
    friction = (cube, sphere, cylinder)
    objects = [track for clip in clips for track in clip]
    last = [estimate_state(track, friction[shape_of(track.label)], int(track.frames[-1])) for track in objects]
    speeds = np.log([np.hypot(*state.velocity) for state in last if state.moving])
    if len(speeds) < 2:
        raise InputError("nothing moves in the training masks")
    restitution, grip = fit_collisions(table, friction, clips)
    return Motion(friction, restitution, grip, (float(speeds.mean()), max(float(speeds.std()), _LEAST_SPREAD)))


def measure_noise(clips: Sequence[Sequence[Track]], motion: Motion) -> float:
    """Standard deviation of places around the best ways through stretches of seven of them; the median.

    nan where nothing moves so long.
    """
    squares = [
        squared_misfit(*stretches, motion.friction[shape])
        for shape in range(len(SHAPES))
        if len((stretches := _stretches(clips, shape)).frames)
    ]
    freedom = 1 - 2 / _WINDOW  # place and velocity were fitted
    return float(np.sqrt(np.median(np.concatenate(squares)) / 2 / freedom)) if squares else float("nan")


class _Stretches(NamedTuple):
    """S pieces of tracks of what moved, seen whole without a gap."""

    frames: np.ndarray
    """int64 (S, 7)."""
    places: np.ndarray
    """float64 (S, 7, 2)."""


def _fit_friction(clips: Sequence[Sequence[Track]], shape: int) -> float:
    stretches = _stretches(clips, shape)
    if not len(stretches.frames):
        logger.warning("no %s is seen to move for %d frames, so its friction is taken to be 0", SHAPES[shape], _WINDOW)
        return 0.0

    def miss(friction: float) -> float:
        squares = squared_misfit(*stretches, friction)
        return float(np.minimum(squares, np.median(squares) * 4 + 1e-12).mean())

    return float(minimize_scalar(miss, bounds=(0.0, _FASTEST), method="bounded", options={"xatol": 1e-4}).x)  # type: ignore[attr-defined]


def _stretches(clips: Sequence[Sequence[Track]], shape: int) -> _Stretches:
    windows = [
        (track, slice(start, start + _WINDOW))
        for clip in clips
        for track in clip
        if shape_of(track.label) == shape
        for start in range(0, len(track.frames) - _WINDOW + 1, 3)
    ]
    chosen = [(track, window) for track, window in windows if _tells_friction(track, window)]
    chosen = chosen[:: -(-len(chosen) // _MOST) or 1]
    frames = np.array([track.frames[window] for track, window in chosen]).reshape(-1, _WINDOW)
    return _Stretches(frames, np.array([track.places[window] for track, window in chosen]).reshape(-1, _WINDOW, 2))


def _tells_friction(track: Track, window: slice) -> bool:
    """Whether something whole moved without a gap."""
    frames, places = track.frames[window], track.places[window]
    whole = track.whole[window].all()
    return bool(whole and frames[-1] - frames[0] == _WINDOW - 1 and np.hypot(*(places[-1] - places[0])) > _WAY)
