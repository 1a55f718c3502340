"""Where a network must look to complete the holes of an image: crops around them, large ones cut into tiles."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

__all__ = ["Crop", "Cropping"]

# Crops start at multiples of the networks' output stride, so that their grids of features meet those of the whole.
_ALIGNMENT = 8
# Sizes are multiples of this, so that windows of several frames are likely to fit into one batch.
_GRAIN = 32
# Pixels over which one tile passes into the next.
_RAMP = 16

Span = tuple[int, int]
"""Start and end, half-open."""


@dataclass(frozen=True)
class Crop:
    """A part of an image and what its pixels weigh where tiles overlap."""

    rows: Span
    columns: Span
    weight: np.ndarray
    """float32 (h, w): 0 near an edge at which the tile was cut off, for want of context, and 1 further in."""

    @property
    def box(self) -> tuple[slice, slice]:
        return slice(*self.rows), slice(*self.columns)


@dataclass(frozen=True)
class Cropping:
    """How to crop."""

    context: int | None = 64
    """Pixels that a network sees around every pixel of a hole, where the image has them. None: the whole image."""
    tile: int = 512
    """Pixels that a crop is long at most; longer ones are cut into overlapping tiles."""

    def __post_init__(self) -> None:
        if self.context is None:
            return
        if self.context < 0:
            raise ValueError(f"context must not be negative, got {self.context}")
        least = 2 * self.context + _RAMP + 2 * _ALIGNMENT
        if self.tile < least:
            raise ValueError(f"tile must be {least} or more with a context of {self.context}, got {self.tile}")

    def crops(self, hole: np.ndarray) -> list[Crop]:
        """Crops that cover a hole, bool (H, W); where several do, they are tiles, to be averaged by their weights."""
        if self.context is None:
            whole = ((0, hole.shape[0]), (0, hole.shape[1]))
            return [Crop(*whole, np.ones(hole.shape, np.float32))] if hole.any() else []
        return [
            Crop(rows, columns, _ramps(rows, row_cuts)[:, None] * _ramps(columns, column_cuts)[None, :])
            for box_rows, box_columns in _boxes(hole, self.context)
            for rows, row_cuts in self._tiles(box_rows, self.context)
            for columns, column_cuts in self._tiles(box_columns, self.context)
        ]

    def _tiles(self, span: Span, context: int) -> list[tuple[Span, tuple[int, int]]]:
        """Tiles of a span, and the pixels at their start and end that lack context."""
        start, stop = span
        length = stop - start
        if length <= self.tile:
            return [(span, (0, 0))]
        overlap = 2 * context + _RAMP
        step = _down(self.tile - overlap, _ALIGNMENT)
        count = -(-(length - self.tile) // step) + 1
        # Spread evenly; rounding down never parts two neighbours by more than `step` rounded up to the alignment.
        starts = [start + _down(i * (length - self.tile) // (count - 1), _ALIGNMENT) for i in range(count)]
        ends = [first + self.tile for first in starts[:-1]] + [stop]
        last = count - 1
        return [
            ((first, end), (context if i else 0, context if i < last else 0))
            for i, (first, end) in enumerate(zip(starts, ends, strict=True))
        ]


def _ramps(span: Span, cuts: tuple[int, int]) -> np.ndarray:
    """Weights float32 along a tile: 0 over the given number of pixels at its ends, then rising to 1."""
    position = np.arange(span[1] - span[0], dtype=np.float32)
    weight = np.ones_like(position)
    for cut, distance in zip(cuts, (position, position[::-1]), strict=True):
        if cut:
            weight = weight * np.clip((distance - cut + 1) / _RAMP, 0, 1)
    return weight


def _boxes(hole: np.ndarray, context: int) -> list[tuple[Span, Span]]:
    """Disjoint boxes (rows, columns) around the parts of a hole, each with its context."""
    if not hole.any():
        return []
    height, width = (2 * min(context, length) + 1 for length in hole.shape)
    grown = cv2.dilate(hole.view(np.uint8), np.ones((height, width), np.uint8))
    _, _, stats, _ = cv2.connectedComponentsWithStats(grown, connectivity=8)
    boxes = [((int(y), int(y + h)), (int(x), int(x + w))) for x, y, w, h, _ in stats[1:]]
    boxes = [(_grown(rows, hole.shape[0]), _grown(columns, hole.shape[1])) for rows, columns in boxes]
    return _merged(boxes, hole.shape)


def _merged(boxes: list[tuple[Span, Span]], shape: tuple[int, ...]) -> list[tuple[Span, Span]]:
    """Unite boxes until none meets another."""
    disjoint: list[tuple[Span, Span]] = []
    for candidate in boxes:
        box = candidate
        while touching := [other for other in disjoint if _meet(box[0], other[0]) and _meet(box[1], other[1])]:
            disjoint = [other for other in disjoint if other not in touching]
            rows, columns = ([span[axis] for span in (box, *touching)] for axis in (0, 1))
            box = (_grown(_hull(rows), shape[0]), _grown(_hull(columns), shape[1]))
        disjoint.append(box)
    return sorted(disjoint)


def _meet(a: Span, b: Span) -> bool:
    return a[0] < b[1] and b[0] < a[1]


def _hull(spans: list[Span]) -> Span:
    return min(start for start, _ in spans), max(stop for _, stop in spans)


def _grown(span: Span, length: int) -> Span:
    """The span made longer: aligned, and a multiple of the grain where 0..length has the room."""
    start = _down(span[0], _ALIGNMENT)
    wanted = -(-(span[1] - start) // _GRAIN) * _GRAIN
    if start + wanted > length:
        start = max(0, _down(length - wanted, _ALIGNMENT))
    return start, min(length, max(span[1], start + wanted))


def _down(value: int, multiple: int) -> int:
    return value // multiple * multiple
