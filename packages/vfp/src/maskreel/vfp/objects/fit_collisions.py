"""How bouncy and how rough things are, from what training clips show before and after collisions."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Self

import numpy as np
from scipy.optimize import minimize

from maskreel.vfp.objects.roll_out import Bodies, simulate
from maskreel.vfp.objects.scene import scene_of
from maskreel.vfp.objects.table import Motion

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maskreel.vfp.objects.scene import Scene
    from maskreel.vfp.objects.table import Table
    from maskreel.vfp.objects.tracks import Track

__all__ = ["fit_collisions"]

_STARTS = (4, 7, 10, 13)
"""Frames from which clips are simulated."""
_HORIZON = 8
"""Frames that are simulated; after more, small errors have grown too large to tell anything."""
_CAP = 1.0
"""Radii; misses beyond count like this, so that surprises do not decide."""
_LOWEST, _HIGHEST = (0.0, 0.0), (1.0, 0.6)
"""Of restitution and grip."""
_GUESS = (0.7, 0.3)
_MATTERS = 0.2


def fit_collisions(
    table: Table, friction: tuple[float, float, float], clips: Sequence[Sequence[Track]]
) -> tuple[float, float]:
    """Restitution in [0, 1] and grip in [0, .6] with which simulated objects come nearest to where they are seen.

    Where nothing is seen after it has collided, they are those of a usual table.

    Args:
        table: Camera and solids.
        friction: Of cubes, spheres and cylinders.
        clips: The tracks of each clip over all its frames.
    """
    motion = Motion(friction, *_GUESS, (0.0, 1.0))
    starts = [(scene_of(table, motion, clip, now=now), clip, now + _HORIZON) for clip in clips for now in _STARTS]
    batch = _Batch.of([start for start in starts if len(start[0]) > 1 and start[0].velocities.any()])
    meeting = batch.take(batch.reacts_to_collisions())
    if not np.isfinite(meeting.later).any():
        return _GUESS
    found = minimize(
        lambda values: meeting.miss(*np.clip(values, _LOWEST, _HIGHEST)),
        _GUESS,
        method="Nelder-Mead",
        bounds=list(zip(_LOWEST, _HIGHEST, strict=True)),
        options={"xatol": 0.01, "fatol": 1e-4, "maxfev": 50, "initial_simplex": ((0.9, 0.1), (0.5, 0.1), (0.7, 0.5))},
    )
    restitution, grip = np.clip(found.x, _LOWEST, _HIGHEST)
    return float(restitution), float(grip)


@dataclass(frozen=True)
class _Batch:
    """B scenes of at most N objects each, and where these are later: B, N first in all arrays."""

    places: np.ndarray
    velocities: np.ndarray
    friction: np.ndarray
    size: np.ndarray
    inertia: np.ndarray
    square: np.ndarray
    yaw: np.ndarray
    present: np.ndarray
    later: np.ndarray
    """nan where an object was not seen whole."""

    @classmethod
    def of(cls, scenes: Sequence[tuple[Scene, Sequence[Track], int]]) -> Self:
        """From scenes, the tracks of their clips, and the frames of `later`."""
        shape = (len(scenes), max((len(scene) for scene, *_ in scenes), default=1))
        batch = cls(
            places=np.zeros((*shape, 2)),
            velocities=np.zeros((*shape, 2)),
            friction=np.zeros(shape),
            size=np.ones(shape),
            inertia=np.ones(shape),
            square=np.zeros(shape, bool),
            yaw=np.zeros(shape),
            present=np.zeros(shape, bool),
            later=np.full((*shape, 2), np.nan),
        )
        for row, (scene, clip, frame) in enumerate(scenes):
            here = row, slice(len(scene))
            batch.places[here], batch.velocities[here] = scene.places, scene.velocities
            batch.friction[here], batch.yaw[here], batch.present[here] = scene.friction, scene.yaw, True
            batch.size[here], batch.inertia[here], batch.square[here] = scene.sizes, scene.inertias, scene.squares
            seen = {track.label: track for track in clip}
            batch.later[here] = [_place_in(seen[label], frame) for label in scene.labels]
        return batch

    def take(self, rows: np.ndarray) -> Self:
        return type(self)(*(getattr(self, field.name)[rows] for field in fields(self)))

    def simulated(self, restitution: float, grip: float, *, collide: bool = True) -> np.ndarray:
        """float64 (B, N, 2): places later."""
        bodies = Bodies(
            self.places,
            self.velocities,
            self.friction,
            self.size,
            self.inertia,
            square=self.square,
            yaw=self.yaw,
            present=self.present & collide,
        )
        return simulate(bodies, restitution=restitution, grip=grip, frames=_HORIZON).places[-1]

    def reacts_to_collisions(self) -> np.ndarray:
        """bool (B,): whether anything is elsewhere because of collisions."""
        off = self.simulated(*_GUESS) - self.simulated(*_GUESS, collide=False)
        return abs(off).max((1, 2), initial=0) > _MATTERS

    def miss(self, restitution: float, grip: float) -> float:
        """Mean distance to the places that were seen."""
        off = np.linalg.norm(self.simulated(restitution, grip) - self.later, axis=-1)
        return float(np.minimum(off[np.isfinite(off)], _CAP).mean())


def _place_in(track: Track, frame: int) -> np.ndarray:
    found = np.flatnonzero((track.frames == frame) & track.whole)
    return track.places[found[0]] if len(found) else np.full(2, np.nan)
