"""The clips of the field's protocol at 432x240: unseen clips of the procedural world, and real ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, Literal

import cv2
import numpy as np
import torch
from _baselines import SHARED_DATA
from _protocol_masks import moving_masks, protocol_dilation, stationary_masks

from maskreel.common.flow import occlusion
from maskreel.common.video import read
from maskreel.common.world import ActorsScene, LectureScene, TableScene
from maskreel.inpaint.flow.estimation import DISFlow

if TYPE_CHECKING:
    from collections.abc import Callable

    from maskreel.common.world import Scene

__all__ = ["CLIPS", "KINDS", "LONGEST", "SIZE", "Case", "Kind", "make_case"]

SIZE = (240, 432)
LONGEST = 40
_SEED = 700_000  # used nowhere else: no network has seen these clips
_APART = 1000  # seeds of one run of the protocol and those of the next
_PAINT = np.array((90, 140, 60), np.uint8)  # RGB of what lies over a clip

Kind = Literal["stationary", "moving", "object"]
"""stationary, moving: random shapes over the clip; the truth is the clip. object: the clip's own people go; the truth
is the world's clean plate."""
KINDS: tuple[Kind, ...] = ("stationary", "moving", "object")


@dataclass(frozen=True)
class Case:
    """What methods get, and what they are scored with."""

    source: np.ndarray
    """uint8 (T, 240, 432, 3): paint where something lies over the clip."""
    masks: np.ndarray
    """bool (T, 240, 432): the holes to fill, dilated as the protocol does it."""
    truth: np.ndarray
    """uint8, like `source`."""
    flow: torch.Tensor
    """float32 (T - 1, 2, 240, 432): motion of the truth, exact for the world's clips under shapes, else by DIS."""
    occluded: torch.Tensor
    """bool (T - 1, 240, 432)."""
    fps: Fraction


@dataclass(frozen=True)
class _Footage:
    frames: np.ndarray
    fps: Fraction
    flow: torch.Tensor | None = None
    occluded: torch.Tensor | None = None
    people: np.ndarray | None = None
    """bool (T, H, W), where they can be taken out."""
    plate: np.ndarray | None = None


def make_case(clip: str, kind: Kind, frames: int = LONGEST, seed: int = 0) -> Case | None:
    """The first frames of a case; None where a clip has no truth behind its people.

    Every seed, 0 to 999, has shapes of its own, and scenes of its own where the clip is of the procedural world.
    """
    first = _SEED + _APART * seed
    footage = _first(CLIPS[clip](first), frames)
    seed = first + list(CLIPS).index(clip)
    count = len(footage.frames)
    if kind == "object":
        if footage.people is None or footage.plate is None:
            return None
        flow, occluded = _estimated(footage.plate)
        masks = protocol_dilation(footage.people)
        return Case(footage.frames, masks, footage.plate, flow, occluded, footage.fps)
    shapes = stationary_masks(seed, count, SIZE) if kind == "stationary" else moving_masks(seed, count, SIZE)
    masks = protocol_dilation(shapes)
    # All of the hole is painted, so that nobody can peek.
    source = np.where(masks[..., None], _PAINT, footage.frames)
    if footage.flow is None or footage.occluded is None:
        flow, occluded = _estimated(footage.frames)
    else:
        flow, occluded = footage.flow, footage.occluded
    return Case(source, masks, footage.frames, flow, occluded, footage.fps)


def _first(footage: _Footage, count: int) -> _Footage:
    parts = {name: value[:count] for name, value in vars(footage).items() if isinstance(value, np.ndarray)}
    flows = {name: value[: count - 1] for name, value in vars(footage).items() if isinstance(value, torch.Tensor)}
    return replace(footage, **parts, **flows)


def _estimated(frames: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    tensor = torch.from_numpy(frames).permute(0, 3, 1, 2).contiguous()
    forward, backward = DISFlow()(tensor[:-1], tensor[1:]), DISFlow()(tensor[1:], tensor[:-1])
    return forward, occlusion(forward, backward)


def _world(seed: int, scene: Scene, number: int, *, removable: bool) -> _Footage:
    clip = scene.render(seed + number)
    frames, plate = (x.permute(0, 2, 3, 1).contiguous().numpy() for x in (clip.clip.frames, clip.plate))
    people = getattr(clip, "touched", clip.visible.any(dim=1)).numpy() if removable else None
    return _Footage(frames, clip.clip.fps, clip.forward_flow, clip.forward_occluded, people, plate)


def _real(_seed: int, file: str, start: int) -> _Footage:
    """The middle of each frame, as much as has the shape of 432x240."""
    clip = read(SHARED_DATA / file, start=start, stop=start + LONGEST)
    return _Footage(np.stack([_fitted(frame) for frame in clip.numpy()]), clip.fps)


def _fitted(frame: np.ndarray) -> np.ndarray:
    height, width = frame.shape[:2]
    scale = max(SIZE[0] / height, SIZE[1] / width)
    wide, high = max(SIZE[1], round(width * scale)), max(SIZE[0], round(height * scale))
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    enlarged = cv2.resize(frame, (wide, high), interpolation=interpolation)
    top, left = (high - SIZE[0]) // 2, (wide - SIZE[1]) // 2
    return np.ascontiguousarray(enlarged[top : top + SIZE[0], left : left + SIZE[1]])


def _lecture(camera: Literal["static", "handheld"]) -> LectureScene:
    return LectureScene(size=SIZE, frames=LONGEST, camera=camera, fps=Fraction(10))


_ACTORS = ActorsScene(size=SIZE, frames=LONGEST, shadow=False, noise=2.0)
_MOVING_ACTORS = ActorsScene(size=SIZE, frames=LONGEST, shadow=False, noise=2.0, camera="moving", actors=2)

CLIPS: dict[str, Callable[[int], _Footage]] = {
    "table": partial(_world, scene=TableScene(size=SIZE, frames=LONGEST), number=0, removable=False),
    "lecture-static": partial(_world, scene=_lecture("static"), number=1, removable=True),
    "lecture-handheld": partial(_world, scene=_lecture("handheld"), number=2, removable=True),
    "actors-still": partial(_world, scene=_ACTORS, number=3, removable=True),
    "actors-moving": partial(_world, scene=_MOVING_ACTORS, number=4, removable=True),
    "tennis": partial(_real, file="davis_tennis/video.mp4", start=0),
    "juggle": partial(_real, file="juggle.mp4", start=60),
    "taichi": partial(_real, file="taichi_driving.mp4", start=60),
    "talking-head": partial(_real, file="talking_head.mp4", start=0),
}
