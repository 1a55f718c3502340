"""`Scene`: the objects of a clip at its newest observed frame, ready to be rolled out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from maskreel.vfp.objects.solids import CUBE, shape_of
from maskreel.vfp.objects.state import estimate_states
from maskreel.vfp.objects.tracks import until
from maskreel.vfp.timeline import OBSERVED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maskreel.vfp.objects.solids import Solid
    from maskreel.vfp.objects.state import State
    from maskreel.vfp.objects.table import Motion, Table
    from maskreel.vfp.objects.tracks import Track

__all__ = ["NOW", "Scene", "scene_of", "scenes_of"]

NOW = OBSERVED - 1
"""The newest observed frame."""
_FORGOTTEN = 2
"""Frames without a sighting after which something at the edge of the picture is taken to have left it."""


@dataclass(frozen=True)
class Scene:
    """N objects; lengths in radii of a sphere, times in frames."""

    labels: tuple[int, ...]
    states: tuple[State, ...]
    yaw: np.ndarray
    """float64 (N,): of cubes, in radians."""
    friction: np.ndarray
    """float64 (N,): decelerations."""
    reach: np.ndarray
    """float64 (N,): radii in collisions."""
    solids: tuple[Solid, ...]

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def places(self) -> np.ndarray:
        """float64 (N, 2)."""
        return np.array([state.place for state in self.states]).reshape(-1, 2)

    @property
    def velocities(self) -> np.ndarray:
        """float64 (N, 2)."""
        return np.array([state.velocity for state in self.states]).reshape(-1, 2)

    @property
    def sizes(self) -> np.ndarray:
        """float64 (N,): radii, and half the sides of cubes."""
        return np.array([solid.radius for solid in self.solids])

    @property
    def inertias(self) -> np.ndarray:
        """float64 (N,): moments of inertia about the upright axis, for mass 1."""
        return np.array([solid.inertia for solid in self.solids])

    @property
    def squares(self) -> np.ndarray:
        """bool (N,): which are cubes."""
        return np.array([solid.shape == CUBE for solid in self.solids], bool)


def scene_of(table: Table, motion: Motion, clip: Sequence[Track], *, now: int = NOW) -> Scene:
    """What is on the table at frame `now`, as far as the frames up to it tell; later sightings are not looked at."""
    return scenes_of(table, [motion], clip, now=now)[0]


def scenes_of(table: Table, motions: Sequence[Motion], clip: Sequence[Track], *, now: int = NOW) -> list[Scene]:
    """`scene_of` with each of several motions: the same objects in other states."""
    seen = [early for track in clip if (early := until(track, now)) is not None and _is_there(early, now)]
    labels = tuple(track.label for track in seen)
    shapes = [shape_of(label) for label in labels]
    friction = np.array([motion.friction for motion in motions])[:, shapes]
    solids = tuple(table.solids[shape] for shape in shapes)
    reach = np.array([solid.reach for solid in solids])
    yaw = np.array([_newest(track.turns) for track in seen])
    states = estimate_states(seen, friction, now)
    return [Scene(labels, tuple(some), yaw, slow, reach, solids) for some, slow in zip(states, friction, strict=True)]


def _is_there(track: Track, now: int) -> bool:
    """What was seen lately is; what vanished inside the picture is hidden by something, if it was seen twice."""
    lately = now - track.frames[-1] < _FORGOTTEN
    return bool(lately or (len(track.frames) > 1 and not track.cut[-1]))


def _newest(turns: np.ndarray) -> float:
    known = turns[np.isfinite(turns)]
    return float(known[-1]) if len(known) else 0.0
