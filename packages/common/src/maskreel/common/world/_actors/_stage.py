"""Who stands where and does what: actors with their sprites and moves, and the camera, before anything is painted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from maskreel.common.world._actors._identity import draw_identity
from maskreel.common.world._actors._moves import draw_moves
from maskreel.common.world._actors._noise import wave
from maskreel.common.world._actors._placing import place
from maskreel.common.world._actors._skeleton import pose
from maskreel.common.world._actors._wardrobe import PARTS, dress
from maskreel.common.world._part_motion import compose_affine, inverse_affine

if TYPE_CHECKING:
    from maskreel.common.world._actors._identity import Body
    from maskreel.common.world._actors._scene import ActorsScene
    from maskreel.common.world._actors._skeleton import Skeleton
    from maskreel.common.world._actors._sprite import Sprite

_ROW = 0.16  # of the distance to the first row, from row to row
_DENSITY = 1.5  # samples of a sprite for a pixel
_SHIFT, _DEGREES, _ZOOM = 0.022, 0.6, 0.012  # of a moving camera; the shift in picture heights


@dataclass(frozen=True)
class PlacedPart:
    """A sprite on its way into a frame."""

    number: int
    """1 + actor * len(PARTS) + part, the same in all frames."""
    sprite: Sprite
    to_frame: np.ndarray
    """float64 (3, 3), affine: from samples of the sprite to pixels."""
    from_frame: np.ndarray


@dataclass(frozen=True)
class Actor:
    """Somebody on the stage."""

    body: Body
    sprites: dict[str, Sprite]
    bones: Skeleton
    depth: float
    to_still: np.ndarray
    """float64 (3, 3): from body coordinates to pixels of the still view."""


@dataclass(frozen=True)
class Stage:
    """What is to be filmed."""

    actors: tuple[Actor, ...]
    camera: np.ndarray
    """float64 (T, 3, 3): from pixels of the still view to pixels of each frame."""

    def parts(self, t: int) -> list[PlacedPart]:
        """All parts of all actors at frame `t`, from back to front."""
        far_to_near = sorted(range(len(self.actors)), key=lambda n: -self.actors[n].depth)
        return [part for n in far_to_near for part in self._parts_of(n, t)]

    def _parts_of(self, n: int, t: int) -> list[PlacedPart]:
        actor = self.actors[n]
        to_frame = compose_affine(self.camera[t], actor.to_still)
        layers = place(actor.body, actor.bones, t)
        found = []
        for name in sorted(actor.sprites, key=lambda name: (layers[name][0], PARTS.index(name))):
            sprite = actor.sprites[name]
            matrix = compose_affine(compose_affine(to_frame, layers[name][1]), sprite.to_part)
            number = 1 + n * len(PARTS) + PARTS.index(name)
            found.append(PlacedPart(number, sprite, matrix, inverse_affine(matrix)))
        return found

    def joints(self) -> np.ndarray:
        """float64 (T, N, J, 2): pixels of the frames."""
        found = []
        for actor in self.actors:
            x, y = actor.bones.joints[..., 0], actor.bones.joints[..., 1]
            found.append(apply(self.camera[:, None], *apply(actor.to_still, x, y)))
        return np.stack([np.stack(points, -1) for points in found], 1)

    def feet(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Ankles of an actor in the still view: x (T, 2) in pixels, and their height above the floor in body units."""
        actor = self.actors[n]
        ankles = np.stack([actor.bones[f"{side} ankle"] for side in ("right", "left")], 1)
        x, _ = apply(actor.to_still, ankles[..., 0], ankles[..., 1])
        return x, -ankles[..., 1] - actor.body.ankle


def set_stage(scene: ActorsScene, identity_seed: int, pose_seed: int) -> Stage:
    """Draw identities from one seed; moves, places and the camera from another."""
    seconds = np.arange(scene.frames) / float(scene.fps)
    rng = np.random.default_rng([pose_seed, 1])
    lanes = rng.permutation(scene.actors)
    actors = [_actor(scene, identity_seed, pose_seed, n, int(lanes[n]), seconds) for n in range(scene.actors)]
    return Stage(tuple(actors), _camera(scene, seconds, rng))


def apply(matrix: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Affine matrices (..., 3, 3) on coordinates."""
    m = matrix
    return m[..., 0, 0] * x + m[..., 0, 1] * y + m[..., 0, 2], m[..., 1, 0] * x + m[..., 1, 1] * y + m[..., 1, 2]


def _actor(scene: ActorsScene, identity_seed: int, pose_seed: int, n: int, lane: int, seconds: np.ndarray) -> Actor:
    height, width = scene.size
    who = draw_identity(np.random.default_rng([identity_seed, n]))
    rng = np.random.default_rng([pose_seed, 2, n])
    depth = 1 + _ROW * lane + rng.uniform(0, 0.06)
    scale = rng.uniform(0.74, 0.84) * height / depth
    if scene.person_height is not None:
        scale = scene.person_height * height / (1 + _ROW * lane)
    floor = height * (0.62 + rng.uniform(0.3, 0.335) / depth)
    spread = 0.0 if scene.actors == 1 else 0.27
    x = width * (0.5 + rng.uniform(-0.06, 0.06) + spread * rng.uniform(-1, 1))
    room = max(0.42 * width - abs(x - width / 2), 0.15 * width) / scale - 0.1
    moves = draw_moves(rng, seconds, max(room, 0.05))
    to_still = np.array([[scale, 0, x], [0, scale, floor], [0, 0, 1]])
    return Actor(who.body, dress(who, _DENSITY * scale), pose(who.body, moves), depth, to_still)


def _camera(scene: ActorsScene, seconds: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    cameras = np.tile(np.eye(3), (len(seconds), 1, 1))
    if scene.camera == "static":
        return cameras
    height, width = scene.size
    slow, quick = rng.uniform(0.08, 0.2, 4), rng.uniform(0.25, 0.45, 4)
    phases = rng.uniform(size=(2, 4))
    tracks = 0.75 * wave(slow * seconds[:, None] + phases[0]) + 0.25 * wave(quick * seconds[:, None] + phases[1])
    x, y, zoom, turn = tracks.T
    scale, angle = 1 + _ZOOM * zoom, _DEGREES / 360 * turn
    sine, cosine = scale * wave(angle), scale * wave(angle + 0.25)
    centre_x, centre_y = (width - 1) / 2, (height - 1) / 2
    cameras[:, 0, 0], cameras[:, 0, 1], cameras[:, 1, 0], cameras[:, 1, 1] = cosine, -sine, sine, cosine
    cameras[:, 0, 2] = centre_x + _SHIFT * height * x - cosine * centre_x + sine * centre_y
    cameras[:, 1, 2] = centre_y + 0.5 * _SHIFT * height * y - sine * centre_x - cosine * centre_y
    return cameras
