"""What happens to each object of a clip, told from its true label maps alone, so for real clips, too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import torch

from maskreel.vfp.evaluation._collisions import find_collisions, tracks
from maskreel.vfp.objects.sightings import sightings
from maskreel.vfp.timeline import OBSERVED

if TYPE_CHECKING:
    from maskreel.vfp.evaluation._collisions import Track
    from maskreel.vfp.objects.sightings import Sighting

__all__ = ["EVENTS", "Event", "clip_events"]

Event = Literal["static", "moving", "collided", "entered", "left", "occluded", "never seen"]

EVENTS: dict[Event, str] = {
    "static": "observed, and at its place in the last frame: less than 0.25 pixels per frame from where it was",
    "moving": "observed, and at another place in the last frame",
    "collided": "pushed by another object after the last observed frame",
    "entered": "in the last frame, and visible since one of the observed frames, but not since the first",
    "left": "observed, and out of the picture in the last frame",
    "occluded": "observed, and in the last frame hidden behind a nearer object, wholly or by a fifth or more",
    "never seen": "in the last frame, but in no observed one",
}
"""What the words mean. An object is a class id; it is visible in a frame that shows 12 of its pixels or more.

An object is static or moving, never both; every other word may stand beside them.
"""
assert tuple(EVENTS) == get_args(Event)

_PUSHED: frozenset[Event] = frozenset(["collided"])
_STATIC = 0.25
"""Pixels per frame."""
_HIDDEN = 0.2
"""Share of an object's pixels."""


def clip_events(labels: torch.Tensor, observed: int = OBSERVED) -> dict[int, frozenset[Event]]:
    """The events of every object that is visible in an observed frame or in the last one; see `EVENTS`.

    Args:
        labels: uint8 (T, H, W), the true label maps of the whole clip.
        observed: Frames that a forecaster is given, fewer than T.

    Returns:
        Class id -> events, in the order of the ids.
    """
    if labels.dtype != torch.uint8:
        raise TypeError(f"labels must be uint8, got {labels.dtype}")
    if labels.ndim != 3 or 0 in labels.shape:
        raise ValueError(f"labels must have shape (T, H, W), got {tuple(labels.shape)}")
    if not 1 <= observed < len(labels):
        raise ValueError(f"observed must be 1 to {len(labels) - 1}, fewer than the label maps, got {observed}")
    objects = tracks(sightings(labels.cpu().numpy()))
    pushed = {
        label for impact in find_collisions(objects, len(labels)) if impact.frame >= observed for label in impact.pair
    }
    found: dict[int, frozenset[Event]] = {}
    for label, track in sorted(objects.items()):
        if events := _events(track, observed, len(labels) - 1):
            found[label] = events | _PUSHED if label in pushed else events
    return found


def _events(track: Track, observed: int, last: int) -> frozenset[Event]:
    """All but collisions; nothing for an object that is there only between the observed frames and the last one."""
    was_observed = min(track) < observed
    if last not in track:
        if not was_observed:
            return frozenset()
        end = track[max(track)]
        return frozenset({"occluded" if end.hidden_by and not end.cut else "left"})
    if not was_observed:
        return frozenset({"never seen"})
    events: set[Event] = {"static" if _stands(track, observed) else "moving"}
    if min(track) > 0:
        events.add("entered")
    if _hidden(track, last):
        events.add("occluded")
    return frozenset(events)


def _stands(track: Track, observed: int) -> bool:
    start = _clearest([one for frame, one in track.items() if frame < observed])
    end = _clearest([one for frame, one in track.items() if frame >= observed])
    way = np.abs(np.subtract(end.centroid, start.centroid)).sum()
    return bool(way < _STATIC * (end.frame - start.frame))


def _clearest(seen: list[Sighting]) -> Sighting:
    """The last sighting of the whole object, because what hides a part moves the centroid; else the last of all."""
    return ([one for one in seen if one.whole] or seen)[-1]


def _hidden(track: Track, last: int) -> bool:
    """Whether a nearer object touches it and it is smaller than when it was last seen whole."""
    whole = [one for one in track.values() if one.whole]
    return bool(track[last].hidden_by and whole and track[last].area < (1 - _HIDDEN) * whole[-1].area)
