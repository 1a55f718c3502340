"""`TableClip`: frames of the table and everything that is true about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from maskreel.common.video import Clip
from maskreel.common.world._clip import WorldClip
from maskreel.common.world._part_motion import outside
from maskreel.common.world._table.motion import Collision, Motion, simulate
from maskreel.common.world._table.picture import empty_table, lighting_of, paint
from maskreel.common.world._table.rays import SAMPLES, first_hits, into_object, out_of_object

if TYPE_CHECKING:
    from maskreel.common.world._table.rays import Hits
    from maskreel.common.world._table.scene import TableScene
    from maskreel.common.world._table.vectors import Vectors

__all__ = ["TableClip", "table_clip"]

_TOUCHING = np.float32(0.02)  # units: a point is hidden if something is nearer to the camera by more than this


@dataclass(frozen=True, repr=False)
class TableClip(WorldClip):
    """A clip of the table scene. Class ids are those of `OBJECT_CLASSES`, each at most once.

    Flow follows the turning of cubes; spheres and cylinders show no turning, so their surface is taken to glide.
    """

    position: torch.Tensor
    """float64 (T, N, 2): x and y of the middle of each object's base, in units of the scene."""
    velocity: torch.Tensor
    """float64 (T, N, 2): units per second."""
    collisions: tuple[Collision, ...]
    """Who pushed whom, and when."""


def table_clip(scene: TableScene, seed: int) -> TableClip:
    """Simulate and paint the clip of a seed."""
    motion, lighting = simulate(scene, seed), lighting_of(scene, seed)
    hits, owner = first_hits(motion, SAMPLES)
    frames = paint(motion, hits, owner, lighting)
    centre = np.ascontiguousarray(owner[:, 0])
    middles = [some.at(some.sample == 0) for some in hits]
    forward, forward_hidden = _flow(motion, middles, centre, 1)
    backward, backward_hidden = _flow(motion, middles, centre, -1)
    plate = empty_table(motion.camera, lighting)
    return TableClip(
        clip=Clip.from_numpy(frames, scene.fps),
        classes=tuple(thing.kind.number for thing in motion.things),
        visible=_masks(motion, [some.at(centre[some.frame, some.pixel] == n) for n, some in enumerate(middles)]),
        amodal=_masks(motion, middles),
        depth=_depth(motion),
        forward_flow=forward,
        backward_flow=backward,
        forward_occluded=forward_hidden,
        backward_occluded=backward_hidden,
        plate=torch.from_numpy(plate).permute(2, 0, 1).expand(scene.frames, 3, *scene.size),
        camera=torch.eye(3, dtype=torch.float64).expand(scene.frames, 3, 3),
        position=torch.from_numpy(motion.position),
        velocity=torch.from_numpy(motion.velocity),
        collisions=motion.collisions,
    )


def _masks(motion: Motion, hits: list[Hits]) -> torch.Tensor:
    """bool (T, N, H, W): pixels that one ray met."""
    height, width = motion.camera.size
    masks = np.zeros((len(motion.position), len(hits), height * width), bool)
    for number, some in enumerate(hits):
        masks[some.frame, number, some.pixel] = True
    return torch.from_numpy(masks.reshape(*masks.shape[:2], height, width))


def _depth(motion: Motion) -> torch.Tensor:
    """float32 (T, N): from the eye to the middle of each object."""
    heights = np.array([thing.solid.height / 2 for thing in motion.things])
    x, y, z = motion.camera.eye
    across = (motion.position - np.array([x, y])) ** 2
    return torch.from_numpy(np.sqrt(across.sum(-1) + (heights - z) ** 2).astype(np.float32))


def _flow(motion: Motion, hits: list[Hits], owner: np.ndarray, step: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Flow from each frame to the next (step 1), or to the one before (-1), and what is hidden there.

    Returns:
        float32 (T - 1, 2, H, W) and bool (T - 1, H, W).
    """
    height, width = motion.camera.size
    frames = len(owner)
    flow = np.zeros((frames, 2, height * width), np.float32)
    hidden = np.zeros((frames, height * width), bool)
    sources = slice(0, frames - 1) if step == 1 else slice(1, frames)
    targets = slice(1, frames) if step == 1 else slice(0, frames - 1)
    hidden[sources] = (owner[sources] < 0) & (owner[targets] >= 0)  # the floor stays where it is
    for number, some in enumerate(hits):
        target = some.frame + step
        here = some.at((owner[some.frame, some.pixel] == number) & (target >= 0) & (target < frames))
        target = here.frame + step
        points = _moved(motion, number, here, target)
        x, y, _ = motion.camera.project(points)
        x, y = x - np.float32(0.5), y - np.float32(0.5)  # pixel centres are at whole numbers from here on
        flow[here.frame, 0, here.pixel] = x - here.pixel % width
        flow[here.frame, 1, here.pixel] = y - here.pixel // width
        hidden[here.frame, here.pixel] = outside(x, y, motion.camera.size) | _covered(motion, points, target)
    return (
        torch.from_numpy(flow[sources].reshape(-1, 2, height, width).copy()),
        torch.from_numpy(hidden[sources].reshape(-1, height, width).copy()),
    )


def _moved(motion: Motion, number: int, hits: Hits, target: np.ndarray) -> Vectors:
    """Where the points that rays met are at other frames."""
    eye = motion.camera.origin
    points = eye + hits.direction * hits.distance
    return out_of_object(motion, number, target, into_object(motion, number, hits.frame, points))


def _covered(motion: Motion, points: Vectors, frame: np.ndarray) -> np.ndarray:
    """bool (M,): whether anything stands between the camera and points of the table; also their own object."""
    eye = motion.camera.origin
    away = points - eye
    distance = np.sqrt(away.dot(away))
    direction = away * (1 / distance)
    covered = np.zeros(len(frame), bool)
    for number, thing in enumerate(motion.things):
        start = into_object(motion, number, frame, eye)
        turned = into_object(motion, number, frame, direction, directions=True)
        covered |= (thing.solid.hit(start, turned) < distance - _TOUCHING) & motion.present[frame, number]
    return covered
