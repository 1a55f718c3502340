"""How objects come into clips, gathered from the tracks of training clips."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np

from maskreel.common.errors import InputError
from maskreel.vfp.objects.motion_odds import motion_odds
from maskreel.vfp.objects.scene import scene_of
from maskreel.vfp.objects.solids import shape_of
from maskreel.vfp.objects.state import estimate_state

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maskreel.vfp.objects.state import State
    from maskreel.vfp.objects.table import Motion, Table
    from maskreel.vfp.objects.tracks import Track

__all__ = ["EntryPool", "entry_state", "motion_of"]

_FEWEST = 4
"""Sightings that tell how something came in."""


@dataclass(frozen=True)
class EntryPool:
    """P objects as they were when they were seen first. Lengths in radii of a sphere."""

    motion: np.ndarray
    """int64 (P,): which of the table's motions the clip was made with, as far as it tells."""
    shape: np.ndarray
    """int64 (P,): position in `SHAPES`."""
    frame: np.ndarray
    """int64 (P,): of the first sighting."""
    place: np.ndarray
    """float64 (P, 2): in that frame."""
    velocity: np.ndarray
    """float64 (P, 2): in that frame; 0 for what rests."""

    def __len__(self) -> int:
        return len(self.motion)

    @classmethod
    def of(cls, table: Table, clips: Sequence[Sequence[Track]]) -> Self:
        """What is in the tracks of whole clips.

        Raises:
            InputError: Nothing is seen long enough in them.
        """
        found = []
        for clip in clips:
            number = motion_of(table, clip)
            for track in clip:
                if len(track.frames) >= _FEWEST:
                    state = entry_state(track, table.motions[number])
                    found.append((number, shape_of(track.label), track.frames[0], state.place, state.velocity))
        if not found:
            raise InputError(f"the training masks hold no object that is seen in {_FEWEST} frames or more")
        motion, shape, frame, place, velocity = (np.array(column) for column in zip(*found, strict=True))
        return cls(motion, shape, frame, place, velocity)

    def set_back(self, table: Table) -> tuple[np.ndarray, np.ndarray]:
        """Places and velocities (P, 2) in frame 0 of objects that slid undisturbed to where they were seen first."""
        slow = np.array([motion.friction for motion in table.motions])[self.motion, self.shape][:, None]
        speed = np.linalg.norm(self.velocity, axis=1, keepdims=True)
        direction = self.velocity / np.maximum(speed, 1e-9)
        time = self.frame[:, None]
        moves = speed > 0
        way = np.where(moves, speed * time + slow * time**2 / 2, 0)
        return self.place - direction * way, direction * np.where(moves, speed + slow * time, 0)


def motion_of(table: Table, clip: Sequence[Track]) -> int:
    """The likeliest of a table's motions for a clip."""
    return int(motion_odds(table, clip, [scene_of(table, motion, clip) for motion in table.motions]).argmax())


def entry_state(track: Track, motion: Motion) -> State:
    """The state of an object in the frame in which it was seen first: the newest one of the track played backwards."""
    backwards = replace(
        track,
        frames=-track.frames[::-1],
        places=track.places[::-1],
        deviation=track.deviation[::-1],
    )
    first, slow = int(-track.frames[0]), motion.friction[shape_of(track.label)]
    evenly = estimate_state(backwards, 0.0, first)
    # Backwards, things get faster by themselves, so that rest would look like a beginning of motion.
    if not evenly.moving or np.hypot(*evenly.velocity) < slow:
        return replace(evenly, velocity=np.zeros(2), moving=False)
    state = estimate_state(backwards, -slow, first)
    return replace(state, velocity=-state.velocity)
