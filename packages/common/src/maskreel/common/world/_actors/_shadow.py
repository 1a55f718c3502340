"""Soft shadows on the floor, below the feet of actors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from maskreel.common.world._actors._stage import apply

if TYPE_CHECKING:
    from maskreel.common.world._actors._stage import Stage

_FLAT = 0.2  # height of a shadow over its width


def floor_shadow(stage: Stage, t: int, size: tuple[int, int]) -> np.ndarray:
    """float32 (H, W): brightness that the shadows leave, 1 where there is none."""
    shade = np.ones(size, np.float32)
    for n, actor in enumerate(stage.actors):
        scale = actor.to_still[0, 0]
        x, height = (track[t] for track in stage.feet(n))
        floor = float(actor.to_still[1, 2]) - 0.012 * scale
        middle = float(actor.to_still[0, 2] + scale * actor.bones["hips"][t, 0])
        _darken(shade, stage.camera[t], (middle, floor), 0.27 * scale, 0.3)
        for foot in range(2):
            lifted = min(max(float(height[foot]) * 8, 0.0), 1.0)
            _darken(shade, stage.camera[t], (float(x[foot]), floor), (0.09 + 0.05 * lifted) * scale, 0.5 * (1 - lifted))
    return shade


def _darken(shade: np.ndarray, camera: np.ndarray, centre: tuple[float, float], radius: float, strength: float) -> None:
    """Multiply an ellipse that fades from its middle to nothing at its edge into `shade`."""
    x, y = (float(coordinate) for coordinate in apply(camera, np.array(centre[0]), np.array(centre[1])))
    height, width = shade.shape
    x0, x1 = max(int(x - radius), 0), min(int(x + radius) + 2, width)
    y0, y1 = max(int(y - _FLAT * radius), 0), min(int(y + _FLAT * radius) + 2, height)
    if x1 <= x0 or y1 <= y0:
        return
    across = (np.arange(x0, x1) - x) / radius
    down = (np.arange(y0, y1)[:, None] - y) / (_FLAT * radius)
    inside = np.clip(1 - across * across - down * down, 0, 1)
    shade[y0:y1, x0:x1] *= (1 - strength * inside * inside).astype(np.float32)
