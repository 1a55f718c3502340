"""What a camera sees of simulated objects, and how well masks would tell where they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from maskreel.vfp.objects.places import PARTLY, UNKNOWN
from maskreel.vfp.objects.sightings import MIN_PIXELS

if TYPE_CHECKING:
    from maskreel.vfp.objects.table import Table

__all__ = ["deviations", "picture_boxes"]

_FILLED = 0.75
"""Share of its box that an object fills, about."""
_HIDING = 0.8
"""Share of its box by which something hides what is behind it, in each direction."""


def picture_boxes(table: Table, shape: np.ndarray, places: np.ndarray) -> np.ndarray:
    """float64 (B, N, T, 4): x0, y0, x1, y1 in pixels of objects of shapes (B, N) at places (B, N, T, 2).

    They may reach out of the picture. Behind the camera, or where no object is, they are nan.
    """
    boxes = np.full((*places.shape[:-1], 4), np.nan)
    for number, solid in enumerate(table.solids):
        chosen = shape == number
        if chosen.any():
            outline = solid.outline(table.camera, places[chosen])
            boxes[chosen] = np.concatenate([outline.min(-2), outline.max(-2)], -1)
    boxes[table.camera.depth(places, 0.0) < 1] = np.nan
    return boxes


def deviations(table: Table, boxes: np.ndarray) -> np.ndarray:
    """float64 (B, N, T): standard deviations of places that are read from masks, 0 for what cannot be seen.

    As `objects.places` has it: something whole is sure; something cut by the edge of the picture, or partly behind
    what is nearer, is as sure as the edges that are its own tell.

    Args:
        table: Camera and noise.
        boxes: From `picture_boxes`; nan is not seen.
    """
    height, width = table.camera.size
    low, high = boxes[..., :2], boxes[..., 2:]
    inside = np.clip(high, 0, (width, height)) - np.clip(low, 0, (width, height))
    own = np.concatenate([low > 0, high < (width, height)], -1)
    nearer = boxes[:, None, :, :, 3] > boxes[:, :, None, :, 3]  # the second than the first: it reaches further down
    area = _FILLED * inside.prod(-1) * (1 - _hidden_share(boxes, nearer))
    known = own & ~_covered_edges(boxes, nearer)
    both = (known[..., 0] | known[..., 2]) & (known[..., 1] | known[..., 3])
    partly = np.where(both, max(PARTLY, 2 * table.noise), UNKNOWN)
    found = np.where(known.all(-1), np.where(_touched(boxes, nearer), 2, 1) * table.noise, partly)
    return np.where(area >= MIN_PIXELS, found, 0.0)


def _covered_edges(boxes: np.ndarray, nearer: np.ndarray) -> np.ndarray:
    """bool (B, N, T, 4): whether the middles of the left, upper, right and lower edge are behind what is nearer."""
    middle = (boxes[..., :2] + boxes[..., 2:]) / 2
    half = (boxes[..., 2:] - boxes[..., :2]) / 2 * _HIDING
    points = np.repeat(middle[..., None, :], 4, -2)
    for edge in range(4):
        points[..., edge, edge % 2] = boxes[..., edge]
    off = abs(points[:, :, None] - middle[:, None, :, :, None])
    return np.any((off <= half[:, None, :, :, None]).all(-1) & nearer[..., None], 2)


def _hidden_share(boxes: np.ndarray, nearer: np.ndarray) -> np.ndarray:
    """float64 (B, N, T): the share of each box that the one which hides most of it hides."""
    inset = (boxes[..., 2:] - boxes[..., :2]) * (1 - _HIDING) / 2
    low = np.maximum(boxes[:, :, None, :, :2], (boxes[..., :2] + inset)[:, None])
    high = np.minimum(boxes[:, :, None, :, 2:], (boxes[..., 2:] - inset)[:, None])
    shared = np.maximum(high - low, 0).prod(-1) * nearer
    return np.nan_to_num(shared).max(2) / np.maximum(np.nan_to_num((boxes[..., 2:] - boxes[..., :2]).prod(-1)), 1e-6)


def _touched(boxes: np.ndarray, nearer: np.ndarray) -> np.ndarray:
    """bool (B, N, T): whether the box meets one of something nearer."""
    low = np.maximum(boxes[:, :, None, :, :2], boxes[:, None, :, :, :2])
    high = np.minimum(boxes[:, :, None, :, 2:], boxes[:, None, :, :, 2:])
    return np.any((high >= low).all(-1) & nearer, 2)
