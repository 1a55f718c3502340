"""Who is on the table, and how everybody moves through a clip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from maskreel.common.world._classes import OBJECT_CLASSES, ObjectClass
from maskreel.common.world._table.camera import Camera
from maskreel.common.world._table.contacts import Point, touch
from maskreel.common.world._table.physics import Body, advance
from maskreel.common.world._table.solids import Solid, Sphere, make_solid

if TYPE_CHECKING:
    from maskreel.common.world._table.scene import TableScene

__all__ = ["Collision", "Motion", "Thing", "simulate"]

_STEPS_PER_FRAME = 20
_GONE = 9.0  # units from the middle; nobody comes back from there
_TRIES = 200


@dataclass(frozen=True)
class Thing:
    """One object of a clip."""

    kind: ObjectClass
    solid: Solid


@dataclass(frozen=True)
class Collision:
    """Two objects pushed each other during the step that ends at frame `frame`."""

    frame: int
    pair: tuple[int, int]
    """Object numbers."""


@dataclass(frozen=True)
class Motion:
    """A clip before it is painted: T frames, N objects."""

    camera: Camera
    things: tuple[Thing, ...]
    position: np.ndarray
    """float64 (T, N, 2): x and y of the middle of the base."""
    heading: np.ndarray
    """float64 (T, N, 2): cosine and sine of the turn about the vertical axis; (1, 0) for all but cubes."""
    velocity: np.ndarray
    """float64 (T, N, 2): units per second."""
    present: np.ndarray
    """bool (T, N): whether the object has set off and not gone for good."""
    collisions: tuple[Collision, ...]


def simulate(scene: TableScene, seed: int) -> Motion:
    """Draw the objects of a clip and let them move."""
    rng = np.random.default_rng([seed, 0])
    camera = _camera(scene, rng)
    count = int(rng.integers(scene.objects[0], scene.objects[1] + 1))
    kinds = [OBJECT_CLASSES[i] for i in rng.permutation(len(OBJECT_CLASSES))[:count]]
    things = tuple(Thing(kind, make_solid(kind.shape, scene.radius)) for kind in kinds)
    resting = min(count, int(rng.integers(scene.resting[0], scene.resting[1] + 1)))
    bodies: list[Body] = []
    for thing in things[:resting]:
        bodies.append(_at_rest(scene, thing.solid, bodies, rng))
    entries = [_entry(scene, camera, thing.solid, rng) for thing in things[resting:]]
    bodies += [body for _, body in entries]
    starts = [float("-inf")] * resting + [seconds for seconds, _ in entries]
    return _run(scene, camera, things, bodies, starts)


def _camera(scene: TableScene, rng: np.random.Generator) -> Camera:
    shift = scene.jitter * rng.uniform(-0.15, 0.15, 3)
    return Camera((float(shift[0]), -8.2 + float(shift[1]), 5.6 + float(shift[2])), (0.0, 0.3, 0.0), scene.size)


def _body(scene: TableScene, solid: Solid, place: Point, velocity: Point, turn: float) -> Body:
    rolls = isinstance(solid, Sphere)
    heading = _unit(1 - turn * turn, 2 * turn)  # no sine: those differ from machine to machine in the last bit
    return Body(
        *place,
        *velocity,
        size=solid.footprint,
        reach=solid.reach,
        inertia=solid.inertia,
        deceleration=(scene.roll_friction if rolls else scene.slide_friction) * scene.speed * scene.speed,
        heading=heading if solid.turns else None,
    )


def _at_rest(scene: TableScene, solid: Solid, others: list[Body], rng: np.random.Generator) -> Body:
    """Somewhere in view, clear of the others if that can be had."""
    body = _body(scene, solid, (0.0, 0.0), (0.0, 0.0), float(rng.uniform(-0.5, 0.5)))
    for _ in range(_TRIES):
        body.x, body.y = float(rng.uniform(-2.4, 2.4)), float(rng.uniform(-1.8, 2.2))
        gaps = [(body.x - other.x) ** 2 + (body.y - other.y) ** 2 for other in others]
        if all(gap > (2 * scene.radius + 0.1) ** 2 for gap in gaps):
            break
    return body


def _entry(scene: TableScene, camera: Camera, solid: Solid, rng: np.random.Generator) -> tuple[float, Body]:
    """When and how an object sets off, out of view, for a point of the table: (seconds, body)."""
    seconds = float(rng.uniform(*scene.entry_seconds))
    side = float(rng.uniform(0, 1))
    if side < 0.16:  # past the camera
        start = float(rng.uniform(-1.5, 1.5)), camera.floor_near_edge() - 2 * scene.radius
    else:
        y = float(rng.uniform(-1.5, 3.5))
        x = camera.floor_half_width(y) + 2 * scene.radius
        start = (x if side < 0.58 else -x), y
    aim = float(rng.uniform(-1.8, 1.8)), float(rng.uniform(-1.2, 1.6))
    direction = _unit(aim[0] - start[0], aim[1] - start[1])
    speed = float(rng.uniform(*scene.velocity)) * scene.speed
    turn = float(rng.uniform(-0.5, 0.5))
    return seconds, _body(scene, solid, start, (speed * direction[0], speed * direction[1]), turn)


def _unit(x: float, y: float) -> Point:
    length = (x * x + y * y) ** 0.5
    return x / length, y / length


def _run(
    scene: TableScene, camera: Camera, things: tuple[Thing, ...], bodies: list[Body], starts: list[float]
) -> Motion:
    step = scene.frame_seconds / _STEPS_PER_FRAME
    lead = max(0, round(-scene.entry_seconds[0] / step))  # steps before the first frame
    waiting, moving = dict(enumerate(starts)), []
    snapshots: list[np.ndarray] = []
    collisions: list[Collision] = []
    for number in range(lead + (scene.frames - 1) * _STEPS_PER_FRAME + 1):
        _set_off(bodies, waiting, moving, (number - lead) * step)
        since = number - lead
        if since >= 0 and since % _STEPS_PER_FRAME == 0:
            snapshots.append(_snapshot(bodies, set(moving)))
        active = [bodies[i] for i in moving]
        pushed = advance(active, step, restitution=scene.restitution, friction=scene.contact_friction)
        frame = -(-(since + 1) // _STEPS_PER_FRAME)
        pairs = sorted((min(moving[i], moving[j]), max(moving[i], moving[j])) for i, j in pushed)
        collisions += [Collision(frame, pair) for pair in pairs if 0 < frame < scene.frames]
        moving = [i for i in moving if max(abs(bodies[i].x), abs(bodies[i].y)) < _GONE]
    table = np.stack(snapshots)
    return Motion(
        camera=camera,
        things=things,
        position=table[..., 0:2],
        heading=table[..., 2:4],
        velocity=table[..., 4:6],
        present=table[..., 6] > 0,
        collisions=tuple(dict.fromkeys(collisions)),
    )


def _set_off(bodies: list[Body], waiting: dict[int, float], moving: list[int], seconds: float) -> None:
    """Start those whose time has come, unless somebody is in the way."""
    for number, start in list(waiting.items()):
        blocked = any(touch(bodies[number].footprint, bodies[other].footprint) for other in moving)
        if start <= seconds and (not blocked or start == float("-inf")):
            moving.append(number)
            del waiting[number]


def _snapshot(bodies: list[Body], moving: set[int]) -> np.ndarray:
    """float64 (N, 7): position, heading, velocity, presence."""
    rows = [(b.x, b.y, *(b.heading or (1.0, 0.0)), b.vx, b.vy, float(i in moving)) for i, b in enumerate(bodies)]
    return np.array(rows, np.float64).reshape(-1, 7)
