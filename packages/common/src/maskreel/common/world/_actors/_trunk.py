"""Sprites of the trunk: neck, torso, and what is worn about the hips. The middle of the hips is at (0, 0), up is -y."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from maskreel.common.world._actors._noise import rise
from maskreel.common.world._actors._sprite import Easel, Sprite

if TYPE_CHECKING:
    from maskreel.common.world._actors._identity import Identity


def torso(who: Identity, density: float) -> Sprite:
    """Chest and belly in the top, with collar, buttons or a print, and a scarf if there is one."""
    body = who.body
    half, top, hem = body.shoulders + 0.03, -body.trunk - 0.022, 0.035
    easel = Easel((-half, top - 0.01, half, hem + 0.01), density)
    x, y = easel.x, easel.y
    outline = _through(y, _torso_outline(who))
    depth = np.minimum(np.minimum(outline - np.abs(x), y - top - 0.3 * np.maximum(np.abs(x) - 0.03, 0)), hem - y)
    easel.shade_around(depth)
    across = np.clip(x / outline, -1, 1)
    shade = 0.64 + 0.4 * np.sqrt(np.maximum(1 - 0.92 * across * across, 0)) - 0.09 * across
    creases = _creases(across, y, body.trunk)
    easel.lay(depth, who.top.colour(x, y) * (shade * creases)[..., None])
    _neckline(easel, who, top)
    easel.tint(0.3 * rise(y, hem - 0.012, hem - 0.008) + 0 * x, tuple(0.4 * c for c in who.top.base))
    if who.scarf is not None:
        _scarf(easel, who.scarf, top)
    return easel.sprite()


def hips(who: Identity, density: float) -> Sprite:
    """The seat of trousers or shorts with a belt, or a skirt."""
    body = who.body
    wide = 0.092 * body.girth
    if who.legwear == "skirt":
        length = 0.25
        easel = Easel((-wide - 0.05, -0.03, wide + 0.05, length), density)
        x, y = easel.x, easel.y
        outline = 0.95 * wide + 0.25 * np.clip(y + 0.02, 0, 1) - 0.28 * np.clip(y + 0.02, 0, 1) ** 2
        hem = length - 0.012 - 0.25 * x * x / wide
        depth = np.minimum(np.minimum(outline - np.abs(x), y + 0.025), hem - y)
        across = np.clip(x / outline, -1, 1)
        pleats = 1 + 0.11 * (np.abs((across * 4.5) % 1 - 0.5) - 0.25) * 4 * rise(y, -0.01, 0.12)
    else:
        easel = Easel((-wide - 0.01, -0.03, wide + 0.01, 0.075), density)
        x, y = easel.x, easel.y
        depth = np.minimum(np.minimum(wide - np.abs(x) - 0.35 * np.clip(y - 0.02, 0, 1), y + 0.025), 0.06 - y - 0 * x)
        across = np.clip(x / wide, -1, 1) + 0 * y
        pleats = 1 - 0.2 * np.clip(1 - 130 * np.abs(x), 0, 1) * rise(y, 0.0, 0.02)
    easel.shade_around(depth)
    shade = 0.62 + 0.42 * np.sqrt(np.maximum(1 - 0.9 * across * across, 0)) - 0.07 * across
    easel.lay(depth, who.legs.colour(x + 0.7, y) * (shade * pleats)[..., None])
    return easel.sprite()


def neck(who: Identity, density: float) -> Sprite:
    """The neck, its lower end at (0, 0)."""
    wide = 0.03 * who.body.girth
    easel = Easel((-wide - 0.01, -0.1, wide + 0.01, 0.04), density)
    x, y = easel.x, easel.y
    outline = wide + 0.25 * np.clip(y + 0.01, 0, 1)
    depth = np.minimum(outline - np.abs(x), np.minimum(y + 0.1, 0.035 - y))
    across = np.clip(x / outline, -1, 1)
    under_chin = 1 - 0.3 * rise(y, 0.0, -0.05)
    easel.lay(depth, np.array(who.skin) * (_soft(across) * under_chin)[..., None])
    return easel.sprite()


def _soft(across: np.ndarray) -> np.ndarray:
    return 0.7 + 0.3 * np.sqrt(np.maximum(1 - across * across, 0)) - 0.06 * across


def _torso_outline(who: Identity) -> np.ndarray:
    """(N, 2): y and half width."""
    body = who.body
    waist = 0.078 * body.girth
    return np.array(
        [
            (-body.trunk - 0.03, body.shoulders - 0.01),
            (-body.trunk + 0.01, body.shoulders + 0.008),
            (-0.82 * body.trunk, body.shoulders + 0.004),
            (-0.62 * body.trunk, 0.96 * body.shoulders),
            (-0.3 * body.trunk, max(waist, 0.78 * body.shoulders)),
            (0.04, 0.092 * body.girth + 0.004),
        ]
    )


def _through(y: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Half widths at y (h, 1) by a curve through (y, width) that is smooth enough."""
    around = [np.interp(y[:, 0] + shift, points[:, 0], points[:, 1]) for shift in (-0.02, -0.01, 0.0, 0.01, 0.02)]
    return np.mean(around, axis=0)[:, None]


def _creases(across: np.ndarray, y: np.ndarray, trunk: float) -> np.ndarray:
    """Shading of a chest and of cloth that hangs from it."""
    chest = 1 + 0.05 * rise(y, -0.45 * trunk, -0.75 * trunk)
    fold = np.clip(1 - 30 * np.abs(y + 0.2 * trunk + 0.04 * np.abs(across) - 0.02), 0, 1)
    return chest * (1 - 0.07 * fold)


def _neckline(easel: Easel, who: Identity, top: float) -> None:
    """Skin at the throat and a collar about it."""
    x, y = easel.x, easel.y - top
    v_neck = who.top.pattern in ("plain", "pinstripes", "plaid")
    opening = 0.036 - np.abs(x) - (0.62 * y if v_neck else 22.0 * y * y)
    easel.lay(opening + 0.011, np.array(who.top.accent if v_neck else who.top.base) * 0.82)
    easel.lay(opening, np.array(who.skin) * 0.9)
    if v_neck:
        closure = 0.0022 - np.abs(x) + 0 * y
        easel.lay(np.minimum(np.minimum(closure, y - 0.07), 0.03 - easel.y), tuple(0.55 * c for c in who.top.base), 0.8)
        for k in range(4):
            button = 0.0048 - np.sqrt(x * x + (y - 0.095 - 0.045 * k) ** 2)
            easel.lay(button, who.top.accent, 0.9)


def _scarf(easel: Easel, colour: tuple[float, float, float], top: float) -> None:
    x, y = easel.x, easel.y - top
    ring = 0.02 - np.abs(y - 0.012 - 5.0 * x * x) - 1.2 * np.maximum(np.abs(x) - 0.04, 0)
    tail = np.minimum(0.019 - np.abs(x - 0.022 - 0.06 * y), np.minimum(y - 0.02, 0.15 - y))
    fringe = 0.86 + 0.14 * (np.abs((x / 0.012) % 1 - 0.5) < 0.3)
    bands = 1 - 0.28 * (np.abs(((y + 0.2 * x) / 0.03) % 1 - 0.5) < 0.2)
    easel.lay(tail, np.array(colour) * (bands * fringe)[..., None])
    easel.lay(ring, np.array(colour) * (0.92 * bands * (1.05 - 4 * np.abs(y - 0.012)))[..., None])
