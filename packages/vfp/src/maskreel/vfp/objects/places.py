"""From what a mask shows of an object to its place on the table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from maskreel.vfp.objects.solids import CUBE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maskreel.vfp.objects.camera import TableCamera
    from maskreel.vfp.objects.sightings import Sighting
    from maskreel.vfp.objects.solids import Solid
    from maskreel.vfp.objects.table import Table

__all__ = ["PARTLY", "UNKNOWN", "YAWS", "Places", "places_of", "yaws_of"]

UNKNOWN = 0.5
"""Standard deviation, in radii of a sphere, of a place of which only one direction is known."""

PARTLY = 0.08
"""The same of a place that some edges tell, which masks have to whole pixels."""

YAWS = np.linspace(-np.pi / 4, np.pi / 4, 25)[:-1]
"""Turns of a cube that are told apart; a quarter turn makes no difference."""

_ANGLES = np.linspace(0, 2 * np.pi, 24, endpoint=False)
_COMPASS = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], -1)
_HALF_PIXEL = (abs(_COMPASS).sum(-1)) * 0.4
"""From the centre of the outermost pixel to the edge of the mask, in each direction, about."""
_STEP = 0.05
_PULL = 0.25


@dataclass(frozen=True)
class Places:
    """Where an object stands on the table, in S frames."""

    xy: np.ndarray
    """float64 (S, 2), in radii of a sphere."""
    deviation: np.ndarray
    """float64 (S,): standard deviations of these."""
    whole: np.ndarray
    """bool (S,): whether nothing hid a part of it."""
    yaw: np.ndarray
    """float64 (S,): radians in [-pi/4, pi/4) for cubes that are seen whole, nan for others that are not, else 0."""


def places_of(table: Table, seen: Sequence[Sighting], labels: np.ndarray) -> Places:
    """Where an object stands.

    The middle of the mask tells for objects that are seen whole. For others it is those edges of the mask's box which
    are neither at the edge of the picture nor next to another object: the place is moved until the box fits there.

    Args:
        table: Camera and solids.
        seen: Sightings of one object, one or more.
        labels: uint8 (T, H, W), in which it was seen.
    """
    solid = table.solid(seen[0].label)
    middles = np.array([one.centroid for one in seen])
    whole = np.array([one.whole for one in seen])
    known = np.array([np.ones(4, bool) if one.whole else _known_edges(one, labels[one.frame]) for one in seen])
    partly = ~known.all(1) | np.array([one.cut for one in seen])
    xy = table.camera.to_table(middles, solid.height / 2)
    deviation = table.noise * np.where(whole, 1.0, 2.0)
    yaw = np.where(partly, np.nan, 0.0)
    if partly.any():
        boxes = np.array([one.box for one in seen], float)
        xy[partly], deviation[partly] = _fitted(table, solid, xy[partly], boxes[partly], known[partly])
    if not partly.all():
        full = np.flatnonzero(~partly)
        if solid.shape == CUBE:
            yaw[full] = yaws_of(table.camera, solid, [seen[index] for index in full.tolist()], xy[full])
        xy[full] = _centred(table, solid, middles[full], xy[full], yaw[full])
    return Places(xy, deviation, whole, yaw)


def _centred(table: Table, solid: Solid, middles: np.ndarray, guess: np.ndarray, yaw: np.ndarray) -> np.ndarray:
    """The places whose outlines, rather than the solid itself, have their middles where the masks have them."""
    found = _centroid(solid.outline(table.camera, guess, yaw))
    return table.camera.to_table(2 * middles - found, solid.height / 2)


def _centroid(polygon: np.ndarray) -> np.ndarray:
    """float64 (..., 2): middles of the areas of polygons (..., P, 2)."""
    origin = polygon[..., :1, :]
    points = polygon - origin
    after = np.roll(points, -1, -2)
    cross = points[..., 0] * after[..., 1] - points[..., 1] * after[..., 0]
    return origin[..., 0, :] + ((points + after) * cross[..., None]).sum(-2) / (3 * cross.sum(-1)[..., None])


def _known_edges(seen: Sighting, plane: np.ndarray) -> np.ndarray:
    """bool (4,): which of x0, y0, x1, y1 is the object's own edge."""
    height, width = plane.shape
    x0, y0, x1, y1 = seen.box
    mask = seen.mask
    beyond = (
        (x0 > 0, lambda: plane[y0:y1, x0 - 1][mask[:, 0]]),
        (y0 > 0, lambda: plane[y0 - 1, x0:x1][mask[0]]),
        (x1 < width, lambda: plane[y0:y1, x1][mask[:, -1]]),
        (y1 < height, lambda: plane[y1, x0:x1][mask[-1]]),
    )
    return np.array([inside and seen.hidden_by.isdisjoint(next_to().tolist()) for inside, next_to in beyond])


def _fitted(
    table: Table, solid: Solid, guess: np.ndarray, boxes: np.ndarray, known: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Places (S, 2) and their deviations (S,) from those edges of boxes (S, 4) that are known, bool (S, 4)."""
    across, down = known[:, 0] | known[:, 2], known[:, 1] | known[:, 3]
    place = guess
    for _ in range(4):
        moved = place[:, None] + np.array([[0.0, 0.0], [_STEP, 0.0], [0.0, _STEP]])
        outline = solid.outline(table.camera, moved)
        edges = np.concatenate([outline.min(-2), outline.max(-2)], -1)
        slope = (edges[:, 1:] - edges[:, :1]) / _STEP * known[:, None]
        # A little pull to where the middle of the visible part is, in the direction that no edge tells about.
        pull = _PULL * (guess - place) + (slope * (boxes - edges[:, 0])[:, None]).sum(-1)
        normal = slope @ slope.swapaxes(1, 2) + _PULL * np.eye(2)
        place = place + np.clip(np.linalg.solve(normal, pull[..., None])[..., 0], -1, 1)
    told = across | down
    deviation = np.where(across & down, max(PARTLY, 2 * table.noise), UNKNOWN)
    return np.where(told[:, None], place, guess), deviation


def yaws_of(camera: TableCamera, solid: Solid, seen: Sequence[Sighting], places: np.ndarray) -> np.ndarray:
    """The turns (S,) of cubes, whose outlines then reach as far as the masks do, in all directions of the picture."""
    spots = np.broadcast_to(places[:, None], (len(places), len(YAWS), 2))
    outlines = solid.outline(camera, spots, YAWS)
    reach = np.stack([_reach(one) for one in seen]) + _HALF_PIXEL
    off = (outlines @ _COMPASS.T).max(-2) - reach[:, None]
    off -= off @ _COMPASS @ _COMPASS.T * (2 / len(_COMPASS))  # wherever it stands
    return YAWS[(off**2).sum(-1).argmin(-1)]


def _reach(seen: Sighting) -> np.ndarray:
    """float64 (A,): how far the pixels of a mask reach in the directions of the compass."""
    rows = np.arange(len(seen.mask))
    columns = np.concatenate([seen.mask.argmax(1), seen.mask.shape[1] - 1 - seen.mask[:, ::-1].argmax(1)])
    points = np.stack([columns + seen.box[0] + 0.5, np.tile(rows, 2) + seen.box[1] + 0.5], -1)
    return (points[np.tile(seen.mask.any(1), 2)] @ _COMPASS.T).max(0)
