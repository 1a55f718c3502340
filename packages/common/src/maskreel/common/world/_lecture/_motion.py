"""Where every pixel of a lecture goes: the room moves with the camera, the lecturer limb by limb."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING

import cv2
import numpy as np

from maskreel.common.world._lecture._room import OVERSAMPLING, WORLD_HEIGHT
from maskreel.common.world._part_motion import compose_affine, destinations, flow_to, inverse_affine, outside

if TYPE_CHECKING:
    from maskreel.common.world._lecture._take import Staging


@dataclass(frozen=True)
class Moment:
    """A frame, seen as parts that move."""

    still_to_frame: np.ndarray
    """float64 (2, 3): from pixels of the still view to pixels of this frame."""
    staging: Staging

    @cached_property
    def opacity(self) -> np.ndarray:
        """float32 (H, W): what is to be seen of the lecturer."""
        return self.staging.opacity * self.staging.free

    @cached_property
    def visible(self) -> np.ndarray:
        """bool (H, W): pixels that show the lecturer."""
        return self.opacity >= 0.5

    @cached_property
    def parts(self) -> np.ndarray:
        """int64 (H, W): 0 for the room, 1 + the index of a part in `names`."""
        rows, columns = self.visible.nonzero()
        layer = self.staging.figure.layer
        known = np.where(layer == 0, cv2.dilate(layer, np.ones((5, 5), np.uint8)), layer)  # sums of faint edges
        ys, xs = self.sample_at(columns, rows, known.shape)
        parts = np.zeros(self.visible.shape, np.int64)
        parts[rows, columns] = known[ys, xs]
        return parts

    @property
    def names(self) -> tuple[str, ...]:
        """The parts of the lecturer that were painted, in the order of painting."""
        return tuple(self.staging.figure.placements)

    def sample_at(self, x: np.ndarray, y: np.ndarray, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
        """Row and column of the nearest sample of the figure to pixel positions."""
        m = inverse_affine(_full(self.staging.to_frame))
        column, row = m[0, 0] * x + m[0, 1] * y + m[0, 2], m[1, 0] * x + m[1, 1] * y + m[1, 2]
        limits = (np.asarray(row), shape[0]), (np.asarray(column), shape[1])
        ys, xs = (np.clip(np.rint(at), 0, end - 1).astype(np.int64) for at, end in limits)
        return ys, xs

    def camera_to(self, other: Moment) -> np.ndarray:
        """float64 (3, 3): from background pixels of this frame to those of another."""
        return compose_affine(_full(other.still_to_frame), inverse_affine(_full(self.still_to_frame)))

    def part_to(self, other: Moment, name: str) -> np.ndarray:
        """float64 (3, 3): how a part moves to another frame; with the trunk if that frame does not show it."""
        name = name if name in other.staging.figure.placements else "trunk"
        return compose_affine(other._placement(name), inverse_affine(self._placement(name)))

    def _placement(self, name: str) -> np.ndarray:
        """float64 (3, 3): from coordinates fixed to a part to pixels of this frame."""
        figure, samples = self.staging.figure, len(self.visible) / WORLD_HEIGHT * OVERSAMPLING
        x, y = (-side * samples - 0.5 for side in figure.origin)
        to_samples = np.array([[samples, 0, x], [0, samples, y], [0, 0, 1]])
        return compose_affine(_full(self.staging.to_frame), compose_affine(to_samples, figure.placements[name]))


def motion(here: Moment, there: Moment) -> tuple[np.ndarray, np.ndarray]:
    """Flow float32 (2, H, W) from one frame to another, and bool (H, W): where its end is hidden or outside."""
    moves = np.stack([here.camera_to(there), *(here.part_to(there, name) for name in here.names)])
    x, y = destinations(here.parts, moves)
    away = outside(x, y, here.visible.shape)
    inside = np.clip(x, 0, x.shape[1] - 1), np.clip(y, 0, x.shape[0] - 1)
    hidden = _between_pixels(there.opacity, *inside) >= 0.5
    figure = here.visible.nonzero()
    ends = x[figure], y[figure]
    number = _numbers(here.names, there.names)[here.parts[figure]]
    behind_desk = _between_pixels(there.staging.free, inside[0][figure], inside[1][figure]) < 0.5
    hidden[figure] = behind_desk | ~_shows(there, *ends, number)
    return flow_to(x, y), hidden | away


def _shows(moment: Moment, x: np.ndarray, y: np.ndarray, number: np.ndarray) -> np.ndarray:
    """bool: whether the part of this number is on top within one sample of pixel positions."""
    layer = moment.staging.figure.layer
    rows, columns = moment.sample_at(x, y, layer.shape)
    wide = np.pad(layer, 1)
    around = [wide[rows + down, columns + right] == number for down, right in product(range(3), repeat=2)]
    return np.logical_or.reduce(around) & (number > 0)


def _numbers(names: tuple[str, ...], others: tuple[str, ...]) -> np.ndarray:
    """For 0 and every part number of one frame the number that the part has in the other, 0 where it has none."""
    return np.array([0, *(others.index(name) + 1 if name in others else 0 for name in names)])


def _between_pixels(picture: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A picture at positions inside it, bilinear."""
    height, width = picture.shape
    column, row = np.minimum(x.astype(np.int64), width - 2), np.minimum(y.astype(np.int64), height - 2)
    right, down = x - column, y - row
    top = picture[row, column] * (1 - right) + picture[row, column + 1] * right
    bottom = picture[row + 1, column] * (1 - right) + picture[row + 1, column + 1] * right
    return top * (1 - down) + bottom * down


def _full(matrix: np.ndarray) -> np.ndarray:
    return np.concatenate([matrix, [[0.0, 0.0, 1.0]]])
