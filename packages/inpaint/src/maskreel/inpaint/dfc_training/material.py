"""Clips to learn flow completion from: frames, what is to be removed from them, and the flow without it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import torch

from maskreel.inpaint.dfc_training._plane_flow import plane_flow
from maskreel.inpaint.dfc_training.planes import PlanesScene

if TYPE_CHECKING:
    from maskreel.common.world import WorldClip

__all__ = ["Material", "planes_material", "world_material"]

_WITH_SUBJECT = 0.5


@dataclass(frozen=True, repr=False)
class Material:
    """A clip of T frames (H, W)."""

    frames: np.ndarray
    """uint8 (T, H, W, 3), RGB: what an optical flow estimator is shown."""
    subject: np.ndarray | None
    """bool (T, H, W): what is to be removed; None: holes are to be made."""
    forward: np.ndarray | None
    """float32 (T - 1, H, W, 2): true flow from t to t + 1 without the subject; None: what the estimator finds."""
    backward: np.ndarray | None
    """The same from t + 1 to t."""


def planes_material(seed: int, *, size: tuple[int, int], frames: int) -> Material:
    """A clip of `PlanesScene`; every other one with its subject, which is to be removed, the others without it."""
    clip = PlanesScene(size, frames).render(seed)
    if np.random.default_rng([seed, 78]).random() < _WITH_SUBJECT:
        return Material(clip.frames, clip.subject, clip.forward, clip.backward)
    return Material(clip.clean, None, clip.forward, clip.backward)


def world_material(seed: int, *, size: tuple[int, int], frames: int) -> Material:
    """A clip of the procedural world: lecture, actors and table in turn, with a moving camera where there is one.

    In two of three clips everybody and everything that moves is to be removed; in the others it stays, with its flow.
    """
    clip = _world_clip(seed, size, frames)
    pictures = np.ascontiguousarray(clip.clip.frames.permute(0, 2, 3, 1).numpy())
    if seed // 4 % 3 == 2:
        forward, backward = (flow.permute(0, 2, 3, 1).numpy() for flow in (clip.forward_flow, clip.backward_flow))
        return Material(pictures, None, np.ascontiguousarray(forward), np.ascontiguousarray(backward))
    touched = clip.amodal.any(1).numpy()
    cameras = clip.camera.numpy()
    steps = [cameras[t + 1] @ np.linalg.inv(cameras[t]) for t in range(frames - 1)]
    forward = np.stack([plane_flow(step, size) for step in steps])
    backward = np.stack([plane_flow(np.linalg.inv(step), size) for step in steps])
    return Material(pictures, touched, forward, backward)


def _world_clip(seed: int, size: tuple[int, int], frames: int) -> WorldClip:
    from maskreel.common.world import ActorsScene, LectureScene, TableScene

    rng = np.random.default_rng([seed, 79])
    fps = Fraction(int(rng.choice([5, 10, 25])))
    kind = seed % 4
    if kind < 2:
        board = "white" if rng.random() < 0.5 else "green"
        camera = "static" if kind == 0 and rng.random() < 0.4 else "handheld"
        return LectureScene(size=size, fps=fps, frames=frames, camera=camera, board=board).render(seed)
    if kind == 2:
        actors = int(rng.integers(1, 4))
        return ActorsScene(size=size, frames=frames, fps=fps, actors=actors, camera="moving", noise=1.0).render(seed)
    return TableScene(size=size, frames=frames, frame_seconds=0.1).render(seed)


def as_tensor(frames: np.ndarray) -> torch.Tensor:
    """uint8 (T, H, W, 3) as uint8 (T, 3, H, W)."""
    return torch.from_numpy(frames).permute(0, 3, 1, 2)
