"""Random holes in clips: boxes as published, and shapes, each at rest or moving."""

from __future__ import annotations

from typing import Literal, get_args

import cv2
import numpy as np

from maskreel.inpaint.dfc_training._textures import shape

__all__ = ["HoleKind", "random_holes"]

HoleKind = Literal["middle", "box", "shapes"]


def random_holes(kind: HoleKind, frames: int, size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Holes of a clip.

    Args:
        kind: middle: a box of H/2 x W/2 from 3/8 of a quarter-size picture's sides on, at rest; box: such a box at a
            random place that jitters, and may drift; shapes: 1 to 3 boxes, ellipses, blobs or people at rest or moving.
        frames: T, 1 or more.
        size: height and width in pixels, 16 or more each.
        rng: Where the randomness comes from.

    Returns:
        bool (T, H, W), True in the hole; never a whole frame. Moving shapes may leave the picture.

    Raises:
        ValueError: An argument is not allowed.
    """
    if kind not in get_args(HoleKind):
        raise ValueError(f"kind must be one of {', '.join(get_args(HoleKind))}, got {kind!r}")
    if frames < 1:
        raise ValueError(f"frames must be 1 or more, got {frames}")
    if min(size) < 16:
        raise ValueError(f"size must be (height, width) of 16 or more each, got {size}")
    if kind == "shapes":
        moving = [_moving_shape(frames, size, rng) for _ in range(rng.choice([1, 2, 3], p=[0.6, 0.25, 0.15]))]
        return np.any(moving, 0)
    height, width = size
    if kind == "middle":
        return _boxes(np.tile([height // 4, width // 4], (frames, 1)), (height // 2, width // 2), size)
    corner = rng.uniform(0, 0.5, 2) * size
    drift = rng.normal(0, 0.012, 2) * size * (rng.random() < 0.5)
    jitter = rng.normal(0, 0.01, (frames, 2)) * size
    corners = corner + drift * np.arange(frames)[:, None] + jitter
    return _boxes(np.rint(corners).astype(np.int64), (height // 2, width // 2), size)


def _boxes(corners: np.ndarray, extent: tuple[int, int], size: tuple[int, int]) -> np.ndarray:
    """bool (T, H, W): boxes with their upper left (y, x) at `corners` (T, 2), pushed into the picture."""
    holes = np.zeros((len(corners), *size), bool)
    for hole, corner in zip(holes, corners, strict=True):
        y, x = np.clip(corner, 0, np.subtract(size, extent))
        hole[y : y + extent[0], x : x + extent[1]] = True
    return holes


def _moving_shape(frames: int, size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    height, width = size
    outline = shape(rng, max(6, round(height * rng.uniform(0.15, 0.75)))) > 0.5
    outline = outline[:, : width // 2]
    tall, wide = outline.shape
    place = rng.uniform(-0.1, 0.9, 2) * (height - tall / 2, width - wide / 2)
    steady = rng.normal(0, 1, 2) * (0.3, 1.0) * width * np.exp(rng.uniform(-6, -3.2)) * (rng.random() < 0.75)
    sway = rng.normal(0, 1, 2) * (rng.random() < 0.4) * 2
    times = np.arange(frames) - frames // 2
    path = np.rint(place + times[:, None] * steady + np.sin(times[:, None] * rng.uniform(0.2, 1.5)) * sway)
    return np.stack([_pasted(outline, (int(y), int(x)), size) for y, x in path])


def _pasted(outline: np.ndarray, corner: tuple[int, int], size: tuple[int, int]) -> np.ndarray:
    shift = np.array([[1, 0, corner[1]], [0, 1, corner[0]]], np.float64)
    moved = cv2.warpAffine(outline.view(np.uint8), shift, (size[1], size[0]), flags=cv2.INTER_NEAREST)
    return moved.astype(bool)
