"""`ObjectMotion`: where the pixels of one object go, an affine motion and a smooth bend on top."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from maskreel.inversion.video._register import apply
from maskreel.inversion.video._sample import sample

if TYPE_CHECKING:
    from maskreel.inversion.video._outline import Outline

__all__ = ["Bend", "ObjectMotion", "bent"]

_NODES = 56  # along the longer side of the object
_MARGIN = 4  # nodes around it
_FEW = 12  # contour points below which nothing is bent
_WIDTHS = (0.6, 0.4, 0.25, 0.16, 0.1, 0.1)  # of the Gaussians, in radii of the object, one after the other
_POINTS = 800
_QUIET = 0.1  # share of the weight at the contour at which a bend has half faded out
_FARTHEST = 0.6  # in radii: what misses by more has no counterpart


@dataclass(frozen=True)
class Bend:
    """A smooth field of displacements on a coarse grid around an object."""

    nodes: np.ndarray
    """float32 (rows, columns, 2): pixels."""
    origin: tuple[float, float]
    """x, y of the first node."""
    spacing: float
    """Pixels between nodes."""

    def at(self, points: np.ndarray) -> np.ndarray:
        """Displacements of positions (K, 2); beyond the grid that of its edge."""
        return sample(self.nodes, (points - self.origin) / self.spacing)


@dataclass(frozen=True)
class ObjectMotion:
    """The motion of one object between two frames."""

    matrix: np.ndarray
    """(2, 3) on (x, y, 1) in pixels."""
    bend: Bend | None = None

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Where positions (K, 2) go."""
        moved = apply(self.matrix, points)
        return moved if self.bend is None else moved + self.bend.at(points)


def bent(matrix: np.ndarray, before: Outline, after: Outline) -> ObjectMotion:
    """Add the smooth bend that brings the moved contour of `before` onto that of `after`.

    Contour points are pulled to the nearest place of the other contour and the displacements diffused into the object,
    broad first, then ever finer; far from the contour the affine motion stays.
    """
    points = before.thinned(_POINTS)
    if len(points) < _FEW or before.same_as(after):
        return ObjectMotion(matrix)
    bend = _flat(before)
    level, moved = before.look(points)[0], apply(matrix, points)
    cells = _cells(bend, points)
    for width in _WIDTHS:
        pulls, known = _pulls(after, moved + bend.at(points), level, _FARTHEST * before.radius)
        change = _diffused(bend.nodes.shape, cells, pulls * known[:, None], known, width * before.radius / bend.spacing)
        bend = Bend(bend.nodes + change, bend.origin, bend.spacing)
    return ObjectMotion(matrix, bend)


def _flat(outline: Outline) -> Bend:
    """A bend of zeros around the object."""
    x0, y0, x1, y1 = outline.box
    spacing = max(1.0, max(x1 - x0, y1 - y0) / _NODES)
    columns, rows = (int(np.ceil(side / spacing)) + 2 * _MARGIN for side in (x1 - x0, y1 - y0))
    return Bend(np.zeros((rows, columns, 2), np.float32), (x0 - _MARGIN * spacing, y0 - _MARGIN * spacing), spacing)


def _cells(bend: Bend, points: np.ndarray) -> np.ndarray:
    """The nearest node of each point, as an index into the flattened grid."""
    rows, columns = bend.nodes.shape[:2]
    x, y = np.rint((points - bend.origin) / bend.spacing).astype(int).T
    return np.clip(y, 0, rows - 1) * columns + np.clip(x, 0, columns - 1)


def _pulls(after: Outline, places: np.ndarray, level: np.ndarray, farthest: float) -> tuple[np.ndarray, np.ndarray]:
    """Displacements (K, 2) onto the contour, and which of them are to be believed."""
    distance, slope = after.look(places)
    miss = distance - level
    steepness = np.square(slope).sum(axis=1)
    known = (np.abs(miss) <= farthest) & (steepness > 0.1) & after.inside_picture(places)
    return -slope * (miss / np.maximum(steepness, 0.1))[:, None], known


def _diffused(
    shape: tuple[int, ...], cells: np.ndarray, pulls: np.ndarray, known: np.ndarray, width: float
) -> np.ndarray:
    """Gaussian mean of the pulls at every node, float32 (rows, columns, 2); `width` in nodes."""
    sums = [np.bincount(cells, part, minlength=shape[0] * shape[1]) for part in (*pulls.T, known)]
    stack = np.stack(sums, axis=-1).reshape(*shape[:2], 3).astype(np.float32)
    blurred = cv2.GaussianBlur(stack, (0, 0), max(width, 0.7), borderType=cv2.BORDER_CONSTANT)
    weight = blurred[..., 2]
    at_contour = float(weight.ravel()[cells].mean())
    return blurred[..., :2] / (weight + _QUIET * max(at_contour, 1e-6))[..., None]
