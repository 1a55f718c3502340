"""How much of a lamp is seen from the floor and from the objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from maskreel.common.world._table.rays import box_pixels, into_object
from maskreel.common.world._table.vectors import Vectors

if TYPE_CHECKING:
    from maskreel.common.world._table.light import Lamp
    from maskreel.common.world._table.motion import Motion

__all__ = ["contact_shade", "darken_floor", "seen_from"]

_REACH = 1.9  # units: nobody's shadow falls on an object farther away than this


def darken_floor(seen: np.ndarray, motion: Motion, lamp: Lamp, floor: Vectors) -> None:
    """Multiply `seen` (T, H * W), in place, by the part of a lamp that each object leaves to the floor.

    Args:
        seen: float32, what is seen of the lamp so far.
        motion: The clip.
        lamp: The lamp.
        floor: (H * W,) points of the floor that the pixels show.
    """
    for number in range(len(motion.things)):
        frame, y, x = box_pixels(motion, _shadow_corners(motion, number, lamp), motion.present[:, number])
        pixel = y * motion.camera.size[1] + x
        seen[frame, pixel] *= 1 - _blocked(motion, number, frame, floor.at(pixel), lamp.points)


def seen_from(motion: Motion, number: int, frame: np.ndarray, points: Vectors, lamp: Lamp) -> np.ndarray:
    """float32 (M,): part of a lamp that other objects leave to points of an object."""
    seen = np.ones(len(frame), np.float32)
    for other in range(len(motion.things)):
        apart = motion.position[:, other] - motion.position[:, number]
        near = (apart[:, 0] * apart[:, 0] + apart[:, 1] * apart[:, 1] < _REACH * _REACH) & motion.present[:, other]
        chosen = np.flatnonzero(near[frame])
        if other == number or len(chosen) == 0:
            continue
        seen[chosen] *= 1 - _blocked(motion, other, frame[chosen], points.at(chosen), lamp.points[1:6:2])
    return seen


def contact_shade(motion: Motion, floor: Vectors) -> np.ndarray:
    """float32 (T, H * W): part of the light from everywhere that objects leave to the floor near them.

    Each object hides as much of the sky as a sphere of its size does: (r / d)^2 times the cosine at the floor.
    """
    seen = np.ones((len(motion.position), len(floor.x)), np.float32)
    for number, thing in enumerate(motion.things):
        frame, y, x = box_pixels(motion, _surroundings(motion, number), motion.present[:, number])
        pixel = y * motion.camera.size[1] + x
        local = into_object(motion, number, frame, floor.at(pixel))
        rise = np.float32(thing.solid.height / 2)
        squared = local.x * local.x + local.y * local.y + rise * rise
        cosine = rise / np.sqrt(squared)
        seen[frame, pixel] *= 1 - np.float32(0.9) * np.minimum(rise * rise / squared * cosine, 1)
    return seen


def _blocked(
    motion: Motion, number: int, frame: np.ndarray, points: Vectors, lights: list[tuple[float, float, float]]
) -> np.ndarray:
    """float32 (M,): part of the points of a lamp that an object hides."""
    solid = motion.things[number].solid
    start = into_object(motion, number, frame, points)
    hidden = np.zeros(len(frame), np.float32)
    for light in lights:
        direction = into_object(motion, number, frame, Vectors.point(*light) - points, directions=True)
        hidden += np.isfinite(solid.hit(start, direction))
    return hidden * np.float32(1 / len(lights))


def _shadow_corners(motion: Motion, number: int, lamp: Lamp) -> np.ndarray:
    """float64 (T, C, 3): floor points whose bounding box holds the base and the shadow of an object."""
    solid, position = motion.things[number].solid, motion.position[:, number]
    square = np.array([(u, v) for u in (-1, 1) for v in (-1, 1)]) * solid.reach
    base = position[:, None] + square
    tops = []
    for x, y, z in lamp.points:
        light = np.array([x, y])
        tops.append(light + (base - light) * (z / (z - solid.height)))
    points = np.concatenate([base, *tops], axis=1)
    low, high = points.min(1), points.max(1)
    corners = np.stack([low, high, np.stack([low[:, 0], high[:, 1]], 1), np.stack([high[:, 0], low[:, 1]], 1)], 1)
    return np.concatenate([corners, np.zeros((*corners.shape[:2], 1))], axis=2)


def _surroundings(motion: Motion, number: int) -> np.ndarray:
    """float64 (T, 4, 3): corners of a square on the floor around an object, where its shade can be noticed."""
    reach = 3.5 * motion.things[number].solid.reach
    square = np.array([(u, v) for u in (-1, 1) for v in (-1, 1)]) * reach
    corners = motion.position[:, number][:, None] + square
    return np.concatenate([corners, np.zeros((*corners.shape[:2], 1))], axis=2)
