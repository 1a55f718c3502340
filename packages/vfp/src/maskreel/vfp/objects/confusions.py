"""Objects that a segmenter takes for another class in a frame or two, put together again."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maskreel.vfp.objects.tracks import Track

__all__ = ["without_confusions"]

_FEW = 2
"""Sightings up to which a class may be a confusion."""
_SAME = 1.0
"""Radii; two objects that stand on the table are farther apart."""
_NEAR = 2
"""Frames between a confusion and a sighting of the object itself."""


def without_confusions(clip: Sequence[Track]) -> list[Track]:
    """Tracks of which those that are seen once or twice count to the object that was there, if it was not seen then."""
    found = sorted(clip, key=lambda track: -len(track.frames))
    kept: list[Track] = []
    for track in found:
        others = [n for n, other in enumerate(kept) if _is_the_same(track, other)]
        if others:
            kept[others[0]] = _joined(kept[others[0]], track)
        else:
            kept.append(track)
    return sorted(kept, key=lambda track: track.label)


def _is_the_same(few: Track, track: Track) -> bool:
    if len(few.frames) > _FEW or len(track.frames) <= len(few.frames):
        return False
    gaps = abs(few.frames[:, None] - track.frames).min(1)
    if gaps.min() == 0 or gaps.max() > _NEAR:
        return False
    return bool(np.hypot(*(few.places - _places_at(track, few.frames)).T).max() < _SAME)


def _places_at(track: Track, frames: np.ndarray) -> np.ndarray:
    """float64 (S, 2): on straight lines between sightings, and beyond the ends."""
    after = np.clip(np.searchsorted(track.frames, frames), 1, len(track.frames) - 1)
    start, end = track.frames[after - 1], track.frames[after]
    share = ((frames - start) / (end - start))[:, None]
    return track.places[after - 1] * (1 - share) + track.places[after] * share


def _joined(track: Track, few: Track) -> Track:
    """All sightings, under the label of the first."""
    order = np.argsort(np.concatenate([track.frames, few.frames]), kind="stable")
    names = [field.name for field in fields(track) if field.name != "label"]
    parts = {name: np.concatenate([getattr(track, name), getattr(few, name)])[order] for name in names}
    return replace(track, **parts)
