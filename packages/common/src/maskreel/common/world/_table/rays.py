"""Camera rays through a clip: which object each one meets first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from maskreel.common.world._table.vectors import Vectors

if TYPE_CHECKING:
    from maskreel.common.world._table.motion import Motion

__all__ = ["CENTRE", "SAMPLES", "Hits", "box_pixels", "cast", "first_hits", "into_object", "out_of_object"]

CENTRE = ((0.5, 0.5),)
"""One ray through the middle of each pixel: what masks and flow are taken from."""
SAMPLES = ((0.5, 0.5), (0.125, 0.375), (0.625, 0.125), (0.875, 0.625), (0.375, 0.875))
"""Rays of a pixel, for smooth edges: the middle and a turned grid."""


@dataclass(frozen=True)
class Hits:
    """Where rays meet one object; M rays."""

    frame: np.ndarray
    """int64 (M,)"""
    pixel: np.ndarray
    """int64 (M,): y * width + x."""
    sample: np.ndarray
    """int64 (M,): which ray of the pixel."""
    distance: np.ndarray
    """float32 (M,): from the camera's eye."""
    direction: Vectors
    """Unit vectors, (M,)."""

    def at(self, index: np.ndarray) -> Hits:
        return Hits(
            self.frame[index], self.pixel[index], self.sample[index], self.distance[index], self.direction.at(index)
        )


def into_object(
    motion: Motion, number: int, frame: np.ndarray, points: Vectors, *, directions: bool = False
) -> Vectors:
    """Points, or directions, of the table at these frames, in the coordinates of an object."""
    cosine, sine, x, y = _pose(motion, number, frame)
    if not directions:
        points = Vectors(points.x - x, points.y - y, points.z)
    return points.turned(cosine, -sine) if motion.things[number].solid.turns else points


def out_of_object(
    motion: Motion, number: int, frame: np.ndarray, points: Vectors, *, directions: bool = False
) -> Vectors:
    """The way back from `into_object`."""
    cosine, sine, x, y = _pose(motion, number, frame)
    if motion.things[number].solid.turns:
        points = points.turned(cosine, sine)
    return points if directions else Vectors(points.x + x, points.y + y, points.z)


def _pose(motion: Motion, number: int, frame: np.ndarray) -> tuple[np.ndarray, ...]:
    pose = np.concatenate([motion.heading[:, number], motion.position[:, number]], axis=1).astype(np.float32)
    return tuple(pose[frame, i] for i in range(4))


def first_hits(motion: Motion, offsets: tuple[tuple[float, float], ...]) -> tuple[list[Hits], np.ndarray]:
    """What every object would show alone, and who is in front.

    Args:
        motion: The clip.
        offsets: Points of a pixel through which rays go, such as `SAMPLES`.

    Returns:
        The hits of every object, and int8 (T, samples, H * W): the number of the nearest object, -1 for the floor.
    """
    frames, pixels = len(motion.position), motion.camera.size[0] * motion.camera.size[1]
    nearest = np.full((frames, len(offsets), pixels), np.inf, np.float32)
    owner = np.full(nearest.shape, -1, np.int8)
    everything = [cast(motion, number, offsets) for number in range(len(motion.things))]
    for number, hits in enumerate(everything):
        place = (hits.frame, hits.sample, hits.pixel)
        front = hits.distance < nearest[place]
        place = tuple(index[front] for index in place)
        nearest[place], owner[place] = hits.distance[front], number
    return everything, owner


def cast(motion: Motion, number: int, offsets: tuple[tuple[float, float], ...]) -> Hits:
    """All rays that meet an object, whether others stand before it or not."""
    camera = motion.camera
    frame, y, x = box_pixels(motion, _corners(motion, number), motion.present[:, number])
    sample = np.repeat(np.arange(len(offsets)), len(frame))
    frame, y, x = (np.tile(index, len(offsets)) for index in (frame, y, x))
    shifts = np.array(offsets, np.float32)[sample]
    direction = camera.rays(x.astype(np.float32) + shifts[:, 0], y.astype(np.float32) + shifts[:, 1])
    eye = camera.origin
    start = into_object(motion, number, frame, eye)
    turned = into_object(motion, number, frame, direction, directions=True)
    distance = motion.things[number].solid.hit(start, turned)
    met = np.isfinite(distance)
    return Hits(frame, y * camera.size[1] + x, sample, distance, direction).at(met)


def box_pixels(motion: Motion, corners: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The pixels inside the bounding boxes of points of the table.

    Args:
        motion: Gives the camera.
        corners: float64 (T, C, 3) points, frame by frame.
        wanted: bool (T,): frames of interest.

    Returns:
        int64 (M,) frame, y and x.
    """
    height, width = motion.camera.size
    x, y, _ = motion.camera.project(Vectors.of(corners))
    frames = np.flatnonzero(wanted & (x.max(1) > 0) & (x.min(1) < width) & (y.max(1) > 0) & (y.min(1) < height))
    if len(frames) == 0:
        nothing = np.zeros(0, np.int64)
        return nothing, nothing, nothing
    left, top = np.floor(x[frames].min(1)).astype(np.int64), np.floor(y[frames].min(1)).astype(np.int64)
    columns = np.arange(int(np.ceil(x[frames].max(1) - left).max()) + 1)
    rows = np.arange(int(np.ceil(y[frames].max(1) - top).max()) + 1)
    xs, ys = left[:, None, None] + columns, top[:, None, None] + rows[:, None]
    inside = (xs >= 0) & (xs < width) & (ys >= 0) & (ys < height)
    frame, y, x = (np.broadcast_to(index, inside.shape)[inside] for index in (frames[:, None, None], ys, xs))
    return frame, y, x


def _corners(motion: Motion, number: int) -> np.ndarray:
    """float64 (T, 8, 3): corners of an upright box around an object."""
    solid, position = motion.things[number].solid, motion.position[:, number]
    signs = np.array([(u, v, w) for u in (-1, 1) for v in (-1, 1) for w in (0, 1)])
    base = np.concatenate([position, np.zeros((len(position), 1))], axis=1)
    return base[:, None] + signs * np.array([solid.reach, solid.reach, solid.height])
