"""Collisions, told from label maps alone.

In a collision two bodies exchange momentum: within one frame both change their velocity, in opposite directions, while
they are beside each other. What else bends a track is told apart: friction changes velocities little by little, the
edge of the picture and a nearer object cut pieces off one of the two only.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from maskreel.vfp.objects.sightings import Sighting

__all__ = ["Impact", "Track", "find_collisions", "tracks"]

Track = dict[int, "Sighting"]
"""Frame -> what is seen of one object."""

_NEAR = 4
"""Pixels between the boxes of two objects that may have touched between two frames."""
_LEAST_CHANGE = 0.75
"""Pixels per frame: a smaller change of velocity is taken for noise."""
_LEAST_SHARE = 0.15
"""Of the higher speed of the two: friction changes velocities by less."""


@dataclass(frozen=True)
class Impact:
    """Two objects pushed each other between frame `frame` - 1 and frame `frame`."""

    frame: int
    pair: tuple[int, int]
    """Class ids, the smaller first."""


def tracks(seen: Sequence[Sequence[Sighting]]) -> dict[int, Track]:
    """Class id -> track, from the sightings of each frame."""
    found: dict[int, Track] = {}
    for frame in seen:
        for one in frame:
            found.setdefault(one.label, {})[one.frame] = one
    return found


def find_collisions(objects: Mapping[int, Track], frames: int) -> tuple[Impact, ...]:
    """The collisions of a clip of `frames` frames in the order of time.

    Between frames t - 1 and t there is one if, in one of the two frames, the objects' boxes are at most 4 pixels apart,
    and the velocities of both, from before t - 1 to after t, change by 0.75 pixels per frame and 15 % of the higher
    speed or more, in directions more than 90 degrees apart. Velocities are those of the centroids of masks that do not
    touch the edge of the picture; at either end of a track the velocity from t - 1 to t stands in for the missing one.
    Collisions outside the picture are not found, nor are weak ones. A hard one may be found in two frames running.
    """
    found = [
        Impact(frame, pair)
        for frame in range(1, frames)
        for pair in combinations(sorted(objects), 2)
        if _collide(objects[pair[0]], objects[pair[1]], frame)
    ]
    return tuple(found)


def _collide(one: Track, other: Track, frame: int) -> bool:
    if not any(t in one and t in other and _gap(one[t], other[t]) <= _NEAR for t in (frame - 1, frame)):
        return False
    ours, theirs = _before_and_after(one, frame), _before_and_after(other, frame)
    if ours is None or theirs is None:
        return False
    velocities = np.stack([ours, theirs])
    changes = velocities[:, 1] - velocities[:, 0]
    least = max(_LEAST_CHANGE, _LEAST_SHARE * np.linalg.norm(velocities, axis=-1).max())
    return bool(np.linalg.norm(changes, axis=-1).min() >= least and changes[0] @ changes[1] < 0)


def _before_and_after(track: Track, frame: int) -> np.ndarray | None:
    """Velocities before and after the way to `frame`, (2, 2), in pixels per frame."""
    before, across, after = (_velocity(track, last) for last in (frame - 1, frame, frame + 1))
    if before is None and after is None:
        return None
    before, after = (across if velocity is None else velocity for velocity in (before, after))
    return None if before is None or after is None else np.stack([before, after])


def _velocity(track: Track, last: int) -> np.ndarray | None:
    """Pixels from the frame before `last` to `last`, (2,); None where the object is not wholly in the picture."""
    ends = track.get(last - 1), track.get(last)
    if ends[0] is None or ends[1] is None or ends[0].cut or ends[1].cut:
        return None
    return np.subtract(ends[1].centroid, ends[0].centroid)


def _gap(one: Sighting, other: Sighting) -> int:
    """Pixels between two boxes along the axis on which they are farther apart; 0 where they overlap on both."""
    return max(max(one.box[axis] - other.box[axis + 2], other.box[axis] - one.box[axis + 2], 0) for axis in (0, 1))
