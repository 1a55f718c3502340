"""Frames and label maps of a table clip."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from maskreel.common.world._table.light import FLOOR, Lighting, albedo_of, draw_lighting, shade
from maskreel.common.world._table.motion import Motion, simulate
from maskreel.common.world._table.rays import CENTRE, SAMPLES, Hits, first_hits, into_object, out_of_object
from maskreel.common.world._table.shadows import contact_shade, darken_floor, seen_from
from maskreel.common.world._table.vectors import Vectors

if TYPE_CHECKING:
    from maskreel.common.world._table.camera import Camera
    from maskreel.common.world._table.scene import TableScene

__all__ = ["class_map", "empty_table", "floor_points", "frames_and_labels", "labels", "lighting_of", "paint"]


def labels(scene: TableScene, seed: int) -> np.ndarray:
    """uint8 (T, H, W): class id of what the middle of each pixel shows, 0 for the floor."""
    motion = simulate(scene, seed)
    _, owner = first_hits(motion, CENTRE)
    return class_map(motion, owner[:, 0])


def frames_and_labels(scene: TableScene, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """uint8 (T, H, W, 3) frames and uint8 (T, H, W) class ids."""
    motion = simulate(scene, seed)
    hits, owner = first_hits(motion, SAMPLES)
    return paint(motion, hits, owner, lighting_of(scene, seed)), class_map(motion, owner[:, 0])


def lighting_of(scene: TableScene, seed: int) -> Lighting:
    """The lamps of a clip."""
    return draw_lighting(np.random.default_rng([seed, 1]), scene.jitter)


def class_map(motion: Motion, owner: np.ndarray) -> np.ndarray:
    """uint8 (T, H, W) class ids from int8 (T, H * W) object numbers, -1 for the floor."""
    ids = np.array([*(thing.kind.number for thing in motion.things), 0], np.uint8)
    return ids[owner].reshape(-1, *motion.camera.size)


def paint(motion: Motion, hits: list[Hits], owner: np.ndarray, lighting: Lighting) -> np.ndarray:
    """uint8 (T, H, W, 3): the frames, from all rays of all pixels."""
    frames, samples, pixels = owner.shape
    objects, covered = np.zeros((3, frames * pixels)), np.zeros(frames * pixels)
    for number, some in enumerate(hits):
        front = some.at(owner[some.frame, some.sample, some.pixel] == number)
        colour = _object_colour(motion, number, front, lighting)
        place = front.frame * pixels + front.pixel
        covered += np.bincount(place, minlength=frames * pixels)
        for channel in range(3):
            objects[channel] += np.bincount(place, colour[:, channel], minlength=frames * pixels)
    floor = _floor(motion, lighting).reshape(-1) * (samples - covered)
    linear = (objects + floor) / samples
    return _to_display(linear).T.reshape(frames, *motion.camera.size, 3)


def empty_table(camera: Camera, lighting: Lighting) -> np.ndarray:
    """uint8 (H, W, 3): the table before anybody came."""
    points = floor_points(camera)
    brightness = np.full(points.x.shape, lighting.ambient, np.float32)
    for light in _floor_light(lighting, points):
        brightness += light
    return np.repeat(_to_display(np.float64(FLOOR) * brightness)[:, None], 3, axis=1).reshape(*camera.size, 3)


def floor_points(camera: Camera) -> Vectors:
    """(H * W,) points of the floor in the middle of the pixels; above the horizon, very far ones."""
    height, width = camera.size
    y, x = np.indices((height, width), dtype=np.float32).reshape(2, -1)
    ray = camera.rays(x + np.float32(0.5), y + np.float32(0.5))
    distance = np.float32(camera.eye[2]) / np.maximum(-ray.z, np.float32(0.02))
    points = camera.origin + ray * distance
    return Vectors(points.x, points.y, np.zeros_like(distance))


def _floor(motion: Motion, lighting: Lighting) -> np.ndarray:
    """float64 (T, H * W): linear brightness of the floor with all shadows."""
    points = floor_points(motion.camera)
    brightness = np.float32(lighting.ambient) * contact_shade(motion, points)
    for lamp, light in zip(lighting.lamps, _floor_light(lighting, points), strict=True):
        seen = np.broadcast_to(light, brightness.shape).copy()
        darken_floor(seen, motion, lamp, points)
        brightness += seen
    return np.float64(FLOOR) * brightness


def _floor_light(lighting: Lighting, points: Vectors) -> list[np.ndarray]:
    """For each lamp, float32 (H * W,): its light on an empty floor."""
    return [strength * direction.z for direction, strength in (lamp.light(points) for lamp in lighting.lamps)]


def _object_colour(motion: Motion, number: int, hits: Hits, lighting: Lighting) -> np.ndarray:
    """float32 (M, 3): linear RGB of an object where rays meet it."""
    thing = motion.things[number]
    eye = motion.camera.origin
    points = eye + hits.direction * hits.distance
    local = thing.solid.normal(into_object(motion, number, hits.frame, points))
    normals = out_of_object(motion, number, hits.frame, local, directions=True)
    seen = [seen_from(motion, number, hits.frame, points, lamp) for lamp in lighting.lamps]
    mirrored = np.zeros((len(hits.frame), 3), np.float32)
    if thing.kind.material == "metal":
        mirrored = _mirrored(motion, number, hits, points, normals)
    return shade(thing.kind, points, normals, hits.direction, lighting, seen, mirrored)


def _mirrored(motion: Motion, number: int, hits: Hits, points: Vectors, normals: Vectors) -> np.ndarray:
    """float32 (M, 3): what metal shows in its reflection: the floor, the dark room above it, and other objects."""
    reflected = hits.direction - normals * (2 * hits.direction.dot(normals))
    up = np.maximum(reflected.z, 0)
    down = np.minimum(np.maximum(-reflected.z, 0) * np.float32(1.6), 1)
    ground = np.float32(0.30) - np.float32(0.20) * down  # straight down, it mirrors its own shade
    room = np.float32(0.10) + np.float32(0.75) * up * up
    picture = np.repeat(np.where(reflected.z > 0, room, ground)[:, None], 3, axis=1)
    nearest = np.full(len(points.x), np.inf, np.float32)
    for other, thing in enumerate(motion.things):
        chosen = np.flatnonzero(motion.present[hits.frame, other])
        if other == number or len(chosen) == 0:
            continue
        frame = hits.frame[chosen]
        start = into_object(motion, other, frame, points.at(chosen))
        direction = into_object(motion, other, frame, reflected.at(chosen), directions=True)
        distance = thing.solid.hit(start, direction)
        met = distance < nearest[chosen]
        nearest[chosen[met]] = distance[met]
        picture[chosen[met]] = albedo_of(thing.kind) * np.float32(0.6)
    return picture


def _to_display(linear: np.ndarray) -> np.ndarray:
    return np.floor(np.sqrt(np.clip(linear, 0, 1)) * 255 + 0.5).astype(np.uint8)
