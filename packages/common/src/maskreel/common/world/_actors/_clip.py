"""`ActorsClip` and how one is made: stage, backdrop, frames, truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch

from maskreel.common.video import Clip
from maskreel.common.world._actors._backdrop import Backdrop
from maskreel.common.world._actors._canvas import Canvas
from maskreel.common.world._actors._motion import Moment, motion
from maskreel.common.world._actors._shadow import floor_shadow
from maskreel.common.world._actors._skeleton import JOINTS
from maskreel.common.world._actors._stage import Stage, set_stage
from maskreel.common.world._actors._wardrobe import PARTS
from maskreel.common.world._clip import WorldClip
from maskreel.common.world._part_motion import compose_affine, inverse_affine

if TYPE_CHECKING:
    from maskreel.common.world._actors._scene import ActorsScene

_PERSON = 1


@dataclass(frozen=True, repr=False)
class ActorsClip(WorldClip):
    """People over a painted place; every object is a person, class 1."""

    joints: torch.Tensor
    """float32 (T, N, J, 2): x and y of the joints in pixels, in the order of `joint_names`, also of hidden ones."""
    touched: torch.Tensor
    """bool (T, H, W): every pixel that a person or a shadow changes, however faintly, before noise."""
    joint_names: ClassVar[tuple[str, ...]] = JOINTS
    """The J joints; right and left are those of the person."""


class _Film:
    """Frames and their truth, one after the other."""

    def __init__(self, scene: ActorsScene, stage: Stage) -> None:
        shape, n = (scene.frames, *scene.size), scene.actors
        self.frames, self.plate = (np.empty((*shape, 3), np.uint8) for _ in range(2))
        self.visible, self.amodal = (np.empty((scene.frames, n, *scene.size), bool) for _ in range(2))
        self.touched = np.empty(shape, bool)
        self.flows = np.zeros((2, scene.frames - 1, 2, *scene.size), np.float32)
        self.occluded = np.zeros((2, scene.frames - 1, *scene.size), bool)
        self._scene, self._stage, self._before = scene, stage, None

    def shoot(self, t: int, backdrop: Backdrop, noise: np.random.Generator | None) -> None:
        """Make frame number `t`; frames come in order."""
        scene, camera = self._scene, self._stage.camera[t]
        plate = backdrop.seen_by(camera)
        canvas = Canvas(plate, scene.actors)
        shade = floor_shadow(self._stage, t, scene.size) if scene.shadow else None
        if shade is not None:
            canvas.seen[..., :3] *= shade[..., None]
        placed = self._stage.parts(t)
        for part in placed:
            canvas.paint(part)
        seen = canvas.seen[..., :3] + np.float32(0.5)
        if noise is not None:
            seen += np.float32(scene.noise) * noise.standard_normal(seen.shape, np.float32)
        self.plate[t] = plate
        self.frames[t] = np.clip(seen, 0, 255, out=seen).astype(np.uint8)
        self._keep_masks(t, canvas, shade)
        self._keep_motion(t, Moment(camera, placed, canvas.parts.reshape(scene.size)))

    def _keep_masks(self, t: int, canvas: Canvas, shade: np.ndarray | None) -> None:
        size, parts = self._scene.size, canvas.parts
        for n in range(self._scene.actors):
            first = 1 + n * len(PARTS)
            self.visible[t, n] = ((parts >= first) & (parts < first + len(PARTS))).reshape(size)
            self.amodal[t, n] = canvas.amodal[n].reshape(size)
        self.touched[t] = canvas.seen[..., 3] > 0
        if shade is not None:
            self.touched[t] |= shade < 1

    def _keep_motion(self, t: int, moment: Moment) -> None:
        before, self._before = self._before, moment
        if before is not None:
            for way, (here, there) in enumerate(((before, moment), (moment, before))):
                self.flows[way, t - 1], self.occluded[way, t - 1] = motion(here, there, self._scene.actors)


def make_clip(scene: ActorsScene, identity_seed: int, pose_seed: int, background_seed: int) -> ActorsClip:
    """Film a scene."""
    stage = set_stage(scene, identity_seed, pose_seed)
    backdrop = Backdrop(scene.size, moving=scene.camera == "moving", seed=background_seed)
    noise = np.random.default_rng([identity_seed, pose_seed, background_seed, 9]) if scene.noise else None
    film = _Film(scene, stage)
    for t in range(scene.frames):
        film.shoot(t, backdrop, noise)
    to_first = inverse_affine(stage.camera[0])
    return ActorsClip(
        clip=Clip.from_numpy(film.frames, scene.fps),
        classes=(_PERSON,) * scene.actors,
        visible=torch.from_numpy(film.visible),
        amodal=torch.from_numpy(film.amodal),
        depth=torch.tensor([[actor.depth for actor in stage.actors]]).repeat(scene.frames, 1),
        forward_flow=torch.from_numpy(film.flows[0]),
        backward_flow=torch.from_numpy(film.flows[1]),
        forward_occluded=torch.from_numpy(film.occluded[0]),
        backward_occluded=torch.from_numpy(film.occluded[1]),
        plate=torch.from_numpy(film.plate).permute(0, 3, 1, 2),
        camera=torch.from_numpy(np.stack([compose_affine(camera, to_first) for camera in stage.camera])),
        joints=torch.from_numpy(stage.joints().astype(np.float32)),
        touched=torch.from_numpy(film.touched),
    )
