"""The affine motion that carries the contour of an object onto its contour in another frame.

Signed distances are matched both ways by Gauss-Newton with robust weights. Motion along the contour, which masks do
not tell (the spin of a disk), is kept at zero by a small pull towards pure translation.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maskreel.inversion.video._outline import Outline

__all__ = ["IDENTITY", "apply", "compose", "invert", "register"]

IDENTITY = np.eye(2, 3)
_POINTS = 160  # per contour; more do not make it more exact
_FEW = 12  # contour points below which only the centre of the object is followed
_PULL = 0.002  # towards translation
_STEPS = {False: 5, True: 12}
_SMALL = 0.02  # pixels: a step to stop at
_STRETCH = (0.5, 2.0)  # singular values beyond are no motion between frames


def register(before: Outline, after: Outline, *, guesses: Sequence[np.ndarray] = ()) -> np.ndarray:
    """The matrix (2, 3) on (x, y, 1) in pixels that moves `before` onto `after`.

    Falls back to a translation where an affine motion fits no better or is implausible, and to standing still where no
    contour can be trusted.

    Args:
        before: The object in one frame.
        after: The same object in another.
        guesses: Matrices to start from, beside translations read off the centres and the edges of the boxes.
    """
    if before.same_as(after) or not len(before.points) or not len(after.points):
        return IDENTITY
    starts = [*guesses, *_translations(before, after)]
    if min(len(before.points), len(after.points)) < _FEW:
        return starts[0]
    pair = _Pair(before, after)
    start = pair.best(starts)
    moved = pair.best([start, pair.refined(start, affine=False)])
    affine = pair.refined(moved, affine=True)
    return pair.best([moved, affine]) if _plausible(affine) else moved


def apply(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Move (K, 2) positions."""
    return points @ matrix[:, :2].T + matrix[:, 2]


def compose(second: np.ndarray, first: np.ndarray) -> np.ndarray:
    """First one motion, then the other."""
    return np.column_stack((second[:, :2] @ first[:, :2], second[:, :2] @ first[:, 2] + second[:, 2]))


def invert(matrix: np.ndarray) -> np.ndarray:
    """The way back."""
    (a, b), (c, d) = matrix[:, :2].tolist()
    back = np.array(((d, -b), (-c, a))) / (a * d - b * c)
    return np.column_stack((back, -back @ matrix[:, 2]))


class _Pair:
    """How far the contours of two outlines are apart under a motion."""

    def __init__(self, before: Outline, after: Outline) -> None:
        self._before, self._after = before, after
        self._from, self._to = before.thinned(_POINTS), after.thinned(_POINTS)
        self._from_level, self._to_level = before.look(self._from)[0], after.look(self._to)[0]
        self._cap = 2 + 0.25 * min(before.radius, after.radius)
        self._scale = max(before.radius, 2.0)

    def best(self, matrices: Sequence[np.ndarray]) -> np.ndarray:
        """The matrix with the least mean capped distance between the contours.

        What leaves the picture is no match and no mismatch.
        """
        there = np.concatenate([apply(matrix, self._from) for matrix in matrices])
        back = np.concatenate([apply(invert(matrix), self._to) for matrix in matrices])
        costs = self._costs(self._after, there, self._from_level) + self._costs(self._before, back, self._to_level)
        return matrices[int(costs.argmin())]

    def refined(self, matrix: np.ndarray, *, affine: bool) -> np.ndarray:
        for _ in range(_STEPS[affine]):
            change = self._step(matrix, affine)
            matrix = matrix + change
            if max(abs(change[:, :2]).max() * self._scale, abs(apply(change, self._before.centre)).max()) < _SMALL:
                break
        return matrix

    def _costs(self, outline: Outline, places: np.ndarray, level: np.ndarray) -> np.ndarray:
        """Of every motion, (S,), for places (S * K, 2)."""
        misses = np.abs(outline.look(places)[0].reshape(-1, len(level)) - level)
        seen = outline.inside_picture(places).reshape(-1, len(level))
        return np.where(seen, np.minimum(misses, self._cap), self._cap / 2).mean(axis=1)

    def _step(self, matrix: np.ndarray, affine: bool) -> np.ndarray:
        """One Gauss-Newton step, as a change of the matrix."""
        way_back = invert(matrix)
        there, back = apply(matrix, self._from), apply(way_back, self._to)
        misses_there, slopes_there = self._after.look(there)
        misses_back, slopes_back = self._before.look(back)
        misses = np.concatenate((misses_there - self._from_level, misses_back - self._to_level))
        seen = np.concatenate((self._after.inside_picture(there), self._before.inside_picture(back)))
        # moving the way there by d moves the way back by -M^-1 d
        slopes = np.concatenate((slopes_there, -slopes_back @ way_back[:, :2]))
        places = (np.concatenate((self._from, back)) - self._before.centre) / self._scale
        terms = np.column_stack((np.ones(len(places)), places)) if affine else np.ones((len(places), 1))
        jacobian = (slopes[:, :, None] * terms[:, None]).reshape(len(places), -1)
        weights = _weights(misses, seen)
        pull = weights.sum() * np.tile([1e-6, _PULL, _PULL][: terms.shape[1]], 2)
        now = np.column_stack((np.zeros(2), (matrix[:, :2] - np.eye(2)) * self._scale))[:, : terms.shape[1]].ravel()
        normal = (jacobian * weights[:, None]).T @ jacobian + np.diag(pull + 1e-9)
        change = -np.linalg.solve(normal, jacobian.T @ (weights * misses) + pull * now)
        return self._as_matrix(change.reshape(2, -1))

    def _as_matrix(self, change: np.ndarray) -> np.ndarray:
        limit = self._cap / max(self._cap, abs(change).max())
        linear = np.zeros((2, 2))
        linear[:, : change.shape[1] - 1] = change[:, 1:] * limit / self._scale
        return np.column_stack((linear, change[:, 0] * limit - linear @ self._before.centre))


def _weights(misses: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Cauchy weights: parts that move on their own and false contours count little."""
    scale = 1 + 2 * np.median(np.abs(misses[seen])) if seen.any() else 1.0
    return seen / (1 + (misses / scale) ** 2)


def _translations(before: Outline, after: Outline) -> list[np.ndarray]:
    """Shifts of the centre and of the sides of the box that no edge of the picture cuts, and standing still."""
    shift = after.centre - before.centre
    options = [[shift[axis], 0.0] for axis in (0, 1)]
    for axis, extent in ((0, before.size[1]), (1, before.size[0])):
        low, high = (before.box[axis], after.box[axis]), (before.box[axis + 2], after.box[axis + 2])
        options[axis] += [low[1] - low[0]] if min(low) > 0 else []
        options[axis] += [high[1] - high[0]] if max(high) < extent else []
    return [np.array(((1, 0, x), (0, 1, y)), float) for x, y in product(*map(dict.fromkeys, options))]


def _plausible(matrix: np.ndarray) -> bool:
    stretches = np.linalg.svd(matrix[:, :2], compute_uv=False)
    return bool(_STRETCH[0] <= stretches.min() and stretches.max() <= _STRETCH[1] and np.linalg.det(matrix[:, :2]) > 0)
