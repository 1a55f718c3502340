"""What label maps show of each object, frame by frame."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy import ndimage

__all__ = ["MIN_PIXELS", "Sighting", "sightings"]

MIN_PIXELS = 12
"""Smaller pieces are taken for noise."""


@dataclass(frozen=True)
class Sighting:
    """One object in one frame."""

    label: int
    frame: int
    area: int
    """Pixels."""
    centroid: tuple[float, float]
    """x and y in pixels; pixel (0, 0) has its centre at (.5, .5)."""
    box: tuple[int, int, int, int]
    """Half-open x0, y0, x1, y1."""
    mask: np.ndarray
    """bool (y1 - y0, x1 - x0)."""
    cut: bool
    """Whether it touches the edge of the picture."""
    hidden_by: frozenset[int]
    """Labels that touch it and reach further down, so that they are nearer and may hide a part."""

    @property
    def whole(self) -> bool:
        """Whether nothing tells that a part cannot be seen."""
        return not self.cut and not self.hidden_by


def sightings(labels: np.ndarray, *, min_pixels: int = MIN_PIXELS) -> list[list[Sighting]]:
    """For each of T frames, the objects in its label map, uint8 (T, H, W); one object per label but 0."""
    return [_in_frame(plane, frame, min_pixels) for frame, plane in enumerate(labels)]


def _in_frame(plane: np.ndarray, frame: int, min_pixels: int) -> list[Sighting]:
    places = enumerate(ndimage.find_objects(plane), start=1)
    found = [_sighting(plane, frame, label, place) for label, place in places if place is not None]
    return [one for one in found if one.area >= min_pixels]


def _sighting(plane: np.ndarray, frame: int, label: int, place: tuple[slice, slice]) -> Sighting:
    mask = plane[place] == label
    rows, columns = mask.sum(1), mask.sum(0)
    area = int(rows.sum())
    y0, y1, x0, x1 = place[0].start, place[0].stop, place[1].start, place[1].stop
    height, width = plane.shape
    return Sighting(
        label=label,
        frame=frame,
        area=area,
        centroid=(x0 + _mean_index(columns, area) + 0.5, y0 + _mean_index(rows, area) + 0.5),
        box=(x0, y0, x1, y1),
        mask=mask,
        cut=x0 == 0 or y0 == 0 or x1 == width or y1 == height,
        hidden_by=_nearer_neighbours(plane, label, (x0, y0, x1, y1)),
    )


def _mean_index(counts: np.ndarray, total: int) -> float:
    return float(counts @ np.arange(len(counts))) / total


def _nearer_neighbours(plane: np.ndarray, label: int, box: tuple[int, int, int, int]) -> frozenset[int]:
    x0, y0, x1, y1 = box
    around = plane[max(y0 - 1, 0) : y1 + 1, max(x0 - 1, 0) : x1 + 1]
    own = around == label
    if np.count_nonzero(around) == np.count_nonzero(own):
        return frozenset()
    ring = around[(cv2.dilate(own.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0) & ~own]
    others = np.unique(ring[ring > 0]).tolist()
    return frozenset(other for other in others if np.nonzero((plane == other).any(1))[0][-1] + 1 > y1)
