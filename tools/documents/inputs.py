"""Tiny files under the names that the documents use, so that what they show can be run."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import torch

from maskreel.common.masks import write_binary_png
from maskreel.common.show import save_image
from maskreel.common.video import Clip, write
from maskreel.common.world import ActorsScene, TableScene

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["furnish"]

FRAMES = 24
SIZE = (64, 96)


def furnish(folder: Path) -> None:
    """Write all of them: lecture.mp4 and masks of it, clip.mp4, me.png, dance.mp4, beach.png, MASKS, VIDEOS."""
    frames, masks = _lecture()
    write(folder / "lecture.mp4", Clip.from_numpy(frames, Fraction(12)))
    for t, mask in enumerate(masks):
        write_binary_png(folder / "masks" / f"{t:05d}.png", torch.from_numpy(mask))
    for t in range(2):
        write_binary_png(folder / "MASKS" / f"{t:05d}.png", torch.from_numpy(masks[8 * t + 8]))
    _people(folder)
    _table(folder)


def _lecture() -> tuple[np.ndarray, np.ndarray]:
    """A bright thing crosses a coloured wall: uint8 (T, H, W, 3) and where it is, bool (T, H, W)."""
    height, width = SIZE
    coarse = np.random.default_rng(0).integers(60, 180, (4, 6, 3), dtype=np.uint8)
    wall = coarse.repeat(height // 4, axis=0).repeat(width // 6, axis=1)
    frames, masks = np.repeat(wall[None], FRAMES, axis=0), np.zeros((FRAMES, height, width), bool)
    for t in range(FRAMES):
        masks[t, 16:56, 3 * t : 3 * t + 14] = True
    frames[masks] = 250
    return frames, masks


def _people(folder: Path) -> None:
    scene = ActorsScene(size=(64, 64), frames=3, fps=Fraction(8))
    me, dance = scene.compose(1, 2, 3), scene.compose(4, 5, 6)
    save_image(folder / "me.png", me.clip.frames[0])
    save_image(folder / "beach.png", dance.plate[0])
    write(folder / "dance.mp4", dance.clip)
    (folder / "VIDEOS").mkdir()
    for name, scene_of in (("dance.mp4", dance), ("walk.mp4", me)):
        write(folder / "VIDEOS" / name, scene_of.clip)


def _table(folder: Path) -> None:
    frames, _ = TableScene.preset("easy").frames_and_labels(seed=4)
    write(folder / "clip.mp4", Clip(torch.from_numpy(frames[:11]).movedim(-1, 1), Fraction(5)))
