"""Which of a table's ways of moving a clip was made with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from maskreel.vfp.objects.scene import NOW
from maskreel.vfp.objects.solids import shape_of
from maskreel.vfp.objects.tracks import until
from maskreel.vfp.objects.ways import Ways

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maskreel.vfp.objects.scene import Scene
    from maskreel.vfp.objects.table import Table
    from maskreel.vfp.objects.tracks import Track

__all__ = ["motion_odds"]

_SHORTEST = 4
"""Sightings that tell a deceleration."""
_CAP = 9.0
"""Squared standard deviations per sighting beyond which a way tells nothing: something was pushed."""


def motion_odds(table: Table, clip: Sequence[Track], scenes: Sequence[Scene]) -> np.ndarray:
    """Probability of each motion of the table, float64 (M,), from how the tracks bend and how fast things are.

    Args:
        table: With M motions.
        clip: Tracks over the observed frames.
        scenes: The clip as seen with each motion.
    """
    score = _bending(table, clip, scenes) + [_speeds(table, m, scene) for m, scene in enumerate(scenes)]
    odds = np.exp(score - score.max())
    return odds / odds.sum()


def _bending(table: Table, clip: Sequence[Track], scenes: Sequence[Scene]) -> np.ndarray:
    """Log likelihoods (M,) of the ways of all that moves, since its last collision."""
    total = np.zeros(len(scenes))
    seen = {track.label: track for track in clip}
    for n, label in enumerate(scenes[0].labels):
        track = until(seen[label], NOW)
        count = max(scene.states[n].used for scene in scenes)
        if track is None or count < _SHORTEST or not any(scene.states[n].moving for scene in scenes):
            continue
        friction = np.array([motion.friction[shape_of(label)] for motion in table.motions])
        total -= 0.5 * _squares(track, count, friction)
    return total


def _squares(track: Track, count: int, friction: np.ndarray) -> np.ndarray:
    """Chi-squared (M,) of the newest `count` places of a track, for each deceleration."""
    times = (track.frames[-count:] - NOW).astype(float)
    places = track.places[-count:, 0] + 1j * track.places[-count:, 1]
    weights = track.deviation[-count:] ** -2.0
    ways = Ways.through(times, places, weights, friction)
    return (np.minimum(abs(places - ways.at(times)) ** 2 * weights, _CAP)).sum(-1)


def _speeds(table: Table, number: int, scene: Scene) -> float:
    """Log likelihood of the speeds of all that moves; of a normal distribution of their logarithms."""
    mean, deviation = table.motions[number].log_speed
    speeds = np.hypot(scene.velocities[:, 0], scene.velocities[:, 1])
    off = (np.log(speeds[speeds > 0]) - mean) / deviation
    return float(-0.5 * (off**2).sum() - len(off) * np.log(deviation))
