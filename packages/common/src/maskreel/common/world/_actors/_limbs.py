"""Sprites of arms, hands, legs and shoes. Each lies along y, from its upper joint at (0, 0) to its lower one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from maskreel.common.world._actors._noise import rise
from maskreel.common.world._actors._sprite import Easel, Sprite

if TYPE_CHECKING:
    from maskreel.common.world._actors._cloth import Cloth, Colour
    from maskreel.common.world._actors._identity import Identity


def upper_arm(who: Identity, density: float) -> Sprite:
    """The upper arm: sleeved, or bare below a short sleeve."""
    length, girth = who.body.upper_arm, who.body.girth
    radii = 0.036 * girth, 0.03 * girth, 0.026 * girth
    easel, depth, across = _rod(length, radii, density)
    if who.sleeves == "long":
        easel.lay(depth, _sleeve(easel, who.top, across, length))
        return easel.sprite()
    easel.lay(depth, _bare(who.skin, across))
    hem = 0.62 * length + 0.006 * across
    sleeve = np.minimum(depth + 0.008 * rise(easel.y, 0.0, hem[0, 0]), hem - easel.y)
    easel.lay(sleeve, _sleeve(easel, who.top, across, length))
    easel.tint(0.3 * np.clip(1 - np.abs(easel.y - hem - 0.006) * 90, 0, 1) * (easel.y > hem), (40.0, 26.0, 24.0))
    return easel.sprite()


def forearm(who: Identity, density: float) -> Sprite:
    """The forearm: sleeved with a cuff, or bare."""
    length, girth = who.body.forearm, who.body.girth
    easel, depth, across = _rod(length, (0.027 * girth, 0.025 * girth, 0.018 * girth), density)
    if who.sleeves == "short":
        easel.lay(depth, _bare(who.skin, across))
        return easel.sprite()
    easel.lay(np.minimum(depth, 0.97 * length - easel.y), _sleeve(easel, who.top, across, length, start=0.5))
    easel.tint(0.35 * rise(easel.y, 0.82 * length, 0.84 * length), tuple(0.45 * c for c in who.top.base))
    return easel.sprite()


def hand(who: Identity, density: float) -> Sprite:
    """Palm, fingers and a thumb."""
    length = 0.05
    easel, depth, across = _rod(length, (0.015, 0.021, 0.016), density)
    thumb = 0.0085 - np.sqrt((easel.x - 0.019) ** 2 + (0.55 * (easel.y - 0.02)) ** 2)
    easel.shade_around(thumb)
    easel.lay(thumb, _bare(who.skin, 0.4 + 0 * across) * 0.94)
    easel.lay(depth, _bare(who.skin, across))
    lines = np.clip(1 - np.abs((easel.x / 0.0085) % 1 - 0.5) * 7, 0, 1) * rise(easel.y, 0.035, 0.045)
    easel.tint(0.35 * lines, tuple(0.62 * c for c in who.skin))
    return easel.sprite()


def thigh(who: Identity, density: float) -> Sprite:
    """The thigh: in trousers, in shorts, or bare below a skirt."""
    length, girth = who.body.thigh, who.body.girth
    easel, depth, across = _rod(length, (0.052 * girth, 0.045 * girth, 0.035 * girth), density)
    if who.legwear == "trousers":
        easel.lay(depth, _leg_cloth(easel, who.legs, across))
        return easel.sprite()
    easel.lay(depth, _bare(who.skin, across))
    if who.legwear == "shorts":
        hem = np.minimum(depth + 0.01 * rise(easel.y, 0, length), 0.8 * length - easel.y)
        easel.lay(hem, _leg_cloth(easel, who.legs, across))
        below = np.clip(1 - np.abs(easel.y - 0.82 * length) * 60, 0, 1) * (easel.y > 0.8 * length)
        easel.tint(0.35 * below + 0 * across, (40.0, 26.0, 24.0))
    return easel.sprite()


def shin(who: Identity, density: float) -> Sprite:
    """The lower leg: in trousers down to the shoe, or bare with a sock."""
    length, girth = who.body.shin, who.body.girth
    covered = who.legwear == "trousers"
    radii = (0.036, 0.034, 0.027) if covered else (0.033, 0.031, 0.018)
    easel, depth, across = _rod(length, (radii[0] * girth, radii[1] * girth, radii[2] * girth), density)
    if covered:
        easel.lay(np.minimum(depth, length + 0.014 - easel.y), _leg_cloth(easel, who.legs, across))
        easel.tint(0.3 * rise(easel.y, length - 0.004, length) + 0 * across, (20.0, 20.0, 24.0))
        return easel.sprite()
    easel.lay(depth, _bare(who.skin, across))
    easel.lay(np.minimum(depth + 0.002, easel.y - 0.84 * length), (232.0, 232.0, 230.0) * _round(across)[..., None])
    return easel.sprite()


def shoe(who: Identity, density: float) -> Sprite:
    """A shoe seen from the side, its toe at positive x; the ankle is at (0, 0)."""
    easel = Easel((-0.034, -0.03, 0.09, 0.045), density)
    x, y = easel.x, easel.y
    heel = 0.029 - np.sqrt((x + 0.003) ** 2 + (y - 0.014) ** 2)
    shaft = 0.026 - np.maximum(np.abs(x), np.abs(y + 0.004) + 0.002)
    toe = 1 - np.sqrt(((x - 0.036) / 0.05) ** 2 + ((y - 0.026) / 0.022) ** 2)
    depth = np.minimum(np.maximum(np.maximum(heel, shaft), 0.022 * toe), 0.04 - y)
    easel.shade_around(depth)
    shade = 1.08 - 9.0 * np.clip(y, -0.01, 0.03)
    easel.lay(depth, np.array(who.shoes) * shade[..., None] * (1 - 1.2 * np.abs(x))[..., None])
    light = sum(who.shoes) > 420
    easel.lay(np.minimum(depth, y - 0.029), (90.0, 88.0, 86.0) if light else (214.0, 212.0, 206.0))
    for k in range(3):
        lace = (
            0.0032 - np.abs(y + 0.35 * x - 0.004 - 0.002 * k) - 4 * np.maximum(np.abs(x - 0.02 - 0.011 * k) - 0.004, 0)
        )
        easel.lay(np.minimum(lace, depth), (60.0, 60.0, 62.0) if light else (226.0, 226.0, 224.0), 0.7)
    return easel.sprite()


def _rod(length: float, radii: tuple[float, float, float], density: float) -> tuple[Easel, np.ndarray, np.ndarray]:
    """An easel for a round limb with these radii at its upper joint, its middle and its lower joint, the depth inside
    its outline, and how far across it a sample is, -1 to 1."""
    widest = max(radii) + 0.012
    easel = Easel((-widest, -widest, widest, length + widest), density)
    x, y = easel.x, easel.y
    t = np.clip(y / length, 0, 1)
    first, middle, last = radii
    radius = first * (1 - t) * (1 - 2 * t) + 4 * middle * t * (1 - t) + last * t * (2 * t - 1)
    beyond = y - length * t
    depth = radius - np.sqrt(x * x + beyond * beyond)
    easel.shade_around(depth, np.clip((0.5 * length - np.abs(y - 0.5 * length)) * 16, 0, 1))  # joints have no seams
    return easel, depth, np.clip(x / radius, -1, 1) + 0 * y


def _round(across: np.ndarray) -> np.ndarray:
    """Brightness over a round limb."""
    return 0.6 + 0.44 * np.sqrt(np.maximum(1 - across * across, 0)) - 0.07 * across


def _bare(skin: Colour, across: np.ndarray) -> np.ndarray:
    shade = _round(0.9 * across)[..., None]
    return np.array(skin) * shade + np.array([10.0, -1.0, -4.0]) * (1 - shade)


def _sleeve(easel: Easel, cloth: Cloth, across: np.ndarray, length: float, start: float = 0.0) -> np.ndarray:
    wrinkles = np.clip(1 - 26 * np.abs(easel.y - length + 0.012 - 0.012 * across), 0, 1) * 0.12
    return cloth.colour(easel.x + 0.3 + start, easel.y + start) * (_round(across) * (0.97 - wrinkles))[..., None]


def _leg_cloth(easel: Easel, cloth: Cloth, across: np.ndarray) -> np.ndarray:
    fade = 1 + 0.1 * np.clip(1 - 2.2 * np.abs(across), 0, 1)
    seam = 1 - 0.2 * np.clip(1 - 12 * np.abs(across - 0.75), 0, 1)
    return cloth.colour(easel.x + 0.7, easel.y + 0.2) * (_round(across) * fade * seam)[..., None]
