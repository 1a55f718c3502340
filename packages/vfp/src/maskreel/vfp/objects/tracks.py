"""The way of each object over the observed frames."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from maskreel.vfp.objects.confusions import without_confusions
from maskreel.vfp.objects.places import places_of
from maskreel.vfp.objects.sightings import sightings
from maskreel.vfp.timeline import OBSERVED

if TYPE_CHECKING:
    from maskreel.vfp.objects.sightings import Sighting
    from maskreel.vfp.objects.table import Table

__all__ = ["Track", "observed_tracks", "tracks", "until"]


@dataclass(frozen=True)
class Track:
    """One object where it was seen."""

    label: int
    frames: np.ndarray
    """int64 (S,): the frames in which it was seen, rising."""
    places: np.ndarray
    """float64 (S, 2): x and y on the table, in radii of a sphere."""
    deviation: np.ndarray
    """float64 (S,): standard deviations of the places."""
    whole: np.ndarray
    """bool (S,): whether nothing hid a part of it."""
    cut: np.ndarray
    """bool (S,): whether it touched the edge of the picture."""
    turns: np.ndarray
    """float64 (S,): yaw in radians, nan where it could not be told."""


def tracks(table: Table, labels: np.ndarray) -> list[Track]:
    """The objects in label maps, uint8 (T, H, W), in the order of their labels.

    An object is known by its label, which no other in a clip has; but a label that is seen once or twice, where another
    object must be, counts as that one.
    """
    seen: dict[int, list[Sighting]] = {}
    for frame in sightings(labels):
        for one in frame:
            seen.setdefault(one.label, []).append(one)
    return without_confusions([_track(table, labels, ones) for ones in seen.values()])


def observed_tracks(table: Table, labels: torch.Tensor) -> list[Track]:
    """The objects in the label maps of frames 0 to 10, uint8 (11, H, W).

    Raises:
        TypeError: `labels` is not uint8.
        ValueError: The label maps have another shape or size than the table's camera.
    """
    if labels.dtype != torch.uint8:
        raise TypeError(f"labels must be a torch.uint8 tensor, got {labels.dtype}")
    expected = (OBSERVED, *table.camera.size)
    if tuple(labels.shape) != expected:
        raise ValueError(f"labels must have shape {expected}, got {tuple(labels.shape)}")
    return tracks(table, labels.numpy())


def _track(table: Table, labels: np.ndarray, seen: list[Sighting]) -> Track:
    found = places_of(table, seen, labels)
    return Track(
        label=seen[0].label,
        frames=np.array([one.frame for one in seen]),
        places=found.xy,
        deviation=found.deviation,
        whole=found.whole,
        cut=np.array([one.cut for one in seen]),
        turns=found.yaw,
    )


def until(track: Track, frame: int) -> Track | None:
    """A track without what was seen later than in `frame`; None if it was not seen before."""
    count = int(np.searchsorted(track.frames, frame, side="right"))
    if count == 0:
        return None
    parts = ("frames", "places", "deviation", "whole", "cut", "turns")
    return replace(track, **{part: getattr(track, part)[:count] for part in parts})
