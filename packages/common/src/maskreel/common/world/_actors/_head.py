"""Sprites of the head: skull, ears, face, and hair behind and before them. The middle of the head is at (0, 0)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from maskreel.common.world._actors._noise import noise_at, rise
from maskreel.common.world._actors._sprite import Easel, Sprite

if TYPE_CHECKING:
    from maskreel.common.world._actors._cloth import Colour
    from maskreel.common.world._actors._identity import Identity

WIDE = 0.8
"""Half width of the head over its half height."""


def skull(who: Identity, density: float) -> Sprite:
    """The head without face and hair; stubble of a shaved head or a beard belongs to the face."""
    r = who.body.head
    easel = Easel((-WIDE * r, -r, WIDE * r, r), density)
    x, y = easel.x / (WIDE * r), easel.y / r
    depth = _oval(x, y) * r
    easel.shade_around(depth - 0.006)
    ball = np.sqrt(np.maximum(1 - 0.85 * np.minimum(x * x + y * y, 1), 0))
    easel.lay(depth, _flesh(who.skin, 0.66 + 0.4 * ball - 0.08 * x - 0.05 * y))
    if who.hair_style == "bald":
        gleam = np.clip(1 - 3.2 * np.sqrt((x + 0.3) ** 2 + (y + 0.62) ** 2), 0, 1)
        easel.tint(0.5 * gleam * gleam, (255.0, 250.0, 244.0))
    return easel.sprite()


def ear(who: Identity, density: float) -> Sprite:
    """An ear."""
    r = who.body.head
    easel = Easel((-0.16 * r, -0.24 * r, 0.16 * r, 0.24 * r), density)
    x, y = easel.x / (0.14 * r), easel.y / (0.22 * r)
    distance = np.sqrt(x * x + y * y)
    easel.lay((1 - distance) * 0.14 * r, _flesh(who.skin, 0.98 - 0.1 * y + 0 * x))
    easel.tint(0.4 * np.clip(1 - 2.6 * distance, 0, 1), tuple(0.55 * c for c in who.skin))
    return easel.sprite()


def face(who: Identity, density: float) -> Sprite:
    """Eyes, brows, nose, mouth, cheeks, and a beard or glasses; clear around them."""
    r = who.body.head
    easel = Easel((-0.7 * r, -0.45 * r, 0.7 * r, 0.98 * r), density)
    x, y = easel.x / r, easel.y / r
    if who.beard:
        _beard(easel, who, x, y)
    for side in (-1, 1):
        _blush(easel, who.skin, x - side * 0.42, y - 0.3)
        _eye(easel, who, x - side * 0.31, y - 0.06, side)
    _nose(easel, who.skin, x, y)
    _mouth(easel, who.skin, x, y - 0.6)
    if who.glasses:
        _glasses(easel, r, x, y - 0.07)
    return easel.sprite()


def hair_behind(who: Identity, density: float) -> Sprite | None:
    """What hangs down behind the head, if anything."""
    r = who.body.head
    if who.hair_style == "bun":
        easel = Easel((-0.45 * r, -1.55 * r, 0.45 * r, -0.7 * r), density)
        depth = 0.4 * r - np.sqrt(easel.x**2 + (easel.y + 1.1 * r) ** 2)
        easel.lay(depth, _strands(easel, who, easel.x / (0.4 * r)))
        return easel.sprite()
    if who.hair_style not in ("long", "bob", "curly"):
        return None
    bottom = {"long": 1.75, "bob": 0.85, "curly": 0.75}[who.hair_style] * r
    half = {"long": 1.0, "bob": 1.05, "curly": 1.22}[who.hair_style] * r
    easel = Easel((-1.1 * half, -1.35 * r, 1.1 * half, bottom), density)
    x, y = easel.x, easel.y
    wavy = 0.05 * r * noise_at(who.top.folds, y * 40 + 0 * x, x * 0)
    sides = half * (0.94 + 0.1 * rise(y, -0.5 * r, bottom)) + wavy - np.abs(x)
    crown = 1.04 * half - np.sqrt(x * x + (np.minimum(y + 0.1 * r, 0)) ** 2)
    ends = bottom - 0.1 * r + 0.06 * r * noise_at(who.top.folds, x * 90 + 0 * y, y * 0) - y - 0.3 * x * x / r
    depth = np.minimum(np.minimum(sides, crown + 0.02 * r), ends)
    if who.hair_style == "curly":
        depth = depth + _curls(easel, who, r)
    easel.shade_around(depth)
    easel.lay(depth, 0.8 * _strands(easel, who, x / half))
    return easel.sprite()


def hair_before(who: Identity, density: float) -> Sprite | None:
    """The hair on the crown and over the forehead, or a cap."""
    r = who.body.head
    if who.hair_style == "bald":
        return None
    easel = Easel((-1.15 * r, -1.3 * r, 1.15 * r, 0.45 * r), density)
    x, y = easel.x / r, easel.y / r
    if who.hair_style == "cap":
        _cap(easel, who, x, y)
        return easel.sprite()
    volume = {"curly": 1.16, "short": 1.05}.get(who.hair_style, 1.08)
    crown = volume - np.sqrt((x / 0.86) ** 2 + (y + 0.02) ** 2)
    part = 0.16 if sum(who.hair) % 2 < 1 else -0.16
    if who.hair_style in ("long", "bob"):
        line = -0.52 + 1.15 * np.abs(x - part) * np.abs(x - part)
        line = np.where(np.abs(x) > 0.6, 0.32, line)
    else:
        line = -0.42 - 0.3 * (x - part) * part * 4 + 0.42 * rise(np.abs(x), 0.56, 0.68)
    line = line + 0.05 * noise_at(who.top.folds, x * 9 + 0 * y, 0 * (x + y))
    depth = np.minimum(crown, line - y) * r
    if who.hair_style == "curly":
        depth = np.minimum(depth + _curls(easel, who, r), (line + 0.1 - y) * r)
    easel.shade_around(depth - 0.012)
    easel.lay(depth, _strands(easel, who, x))
    return easel.sprite()


def _oval(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Depth inside the outline of a head, in half heights: round above, narrower at the chin."""
    jaw = 1 + 0.34 * np.clip(y, 0, 1) ** 2
    return (1 - np.sqrt((x * jaw) ** 2 + y * y)) * 0.9


def _flesh(skin: Colour, shade: np.ndarray) -> np.ndarray:
    """Shaded skin: redder in the shade."""
    shade = shade[..., None]
    return np.array(skin) * shade + np.array([14.0, -2.0, -6.0]) * np.clip(1 - shade, 0, 1)


def _strands(easel: Easel, who: Identity, across: np.ndarray) -> np.ndarray:
    """Hair colour with strands and a sheen; `across` -1 to 1."""
    across = np.clip(across, -1, 1)
    strand = noise_at(who.top.folds, across * 34 + 0 * easel.y, easel.y * 22 + 0 * across)
    round_ = 0.68 + 0.36 * np.sqrt(np.maximum(1 - across * across, 0)) - 0.1 * across
    sheen = np.clip(1 - 22 * np.abs(easel.y + 0.062 - 0.02 * across * across), 0, 1)
    colour = np.array(who.hair) * (round_ * (1 + 0.16 * strand))[..., None]
    return colour + (26 * sheen * (1 + strand))[..., None]


def _curls(easel: Easel, who: Identity, r: float) -> np.ndarray:
    return 0.09 * r * noise_at(who.top.folds, easel.x * 60 + 0 * easel.y, easel.y * 60 + 0 * easel.x)


def _cap(easel: Easel, who: Identity, x: np.ndarray, y: np.ndarray) -> None:
    r = who.body.head
    sides = np.minimum(1.03 - np.sqrt((x / 0.84) ** 2 + y * y), 0.1 - y)
    hair = np.minimum(sides, np.abs(x) - 0.58)
    easel.lay(hair * r, _strands(easel, who, x))
    dome = np.minimum(1.12 - np.sqrt((x / 0.86) ** 2 + (y + 0.02) ** 2), -0.4 - y + 0.12 * x * x)
    shade = 0.72 + 0.36 * np.sqrt(np.maximum(1 - np.minimum(x * x, 1), 0)) - 0.1 * x
    panels = 1 - 0.16 * np.clip(1 - 16 * np.abs(np.abs(x) - 0.34 - 0.1 * y), 0, 1)
    easel.shade_around(dome * r)
    easel.lay(dome * r, np.array(who.hat) * (shade * panels)[..., None])
    brim = 0.11 - np.abs(y + 0.36 - 0.16 * x * x) - 0.3 * np.maximum(np.abs(x) - 0.72, 0)
    easel.shade_around(brim * r)
    easel.lay(brim * r, np.array(who.hat) * (0.66 * shade + 0 * y)[..., None])
    easel.lay((0.1 - np.sqrt(x * x + (y + 1.1) ** 2)) * r, np.array(who.hat) * 0.8)


def _eye(easel: Easel, who: Identity, x: np.ndarray, y: np.ndarray, side: int) -> None:
    r = who.body.head
    hollow = np.clip(1 - np.sqrt((x / 0.3) ** 2 + (y / 0.24) ** 2), 0, 1)
    _wash(easel, 0.3 * hollow, tuple(0.5 * c for c in who.skin))
    white = (1 - np.sqrt((x / 0.17) ** 2 + (y / 0.12) ** 2)) * 0.12 * r
    easel.lay(white, (244.0, 242.0, 238.0))
    distance = np.sqrt(x * x + y * y)
    easel.lay(np.minimum((0.1 - distance) * r, white + 0.01 * r), who.eyes)
    easel.lay(np.minimum((0.055 - distance) * r, white + 0.01 * r), (16.0, 14.0, 16.0))
    easel.lay((0.03 - np.sqrt((x + 0.035) ** 2 + (y + 0.04) ** 2)) * r, (255.0, 255.0, 255.0))
    lid = 0.03 - np.abs(y + 0.105 - 1.9 * x * x) - 0.5 * np.maximum(np.abs(x) - 0.17, 0)
    easel.lay(lid * r, (38.0, 28.0, 28.0))
    brow = 0.036 - np.abs(y + 0.25 - 0.9 * x * x - 0.06 * side * x) - 0.4 * np.maximum(np.abs(x) - 0.16, 0)
    easel.lay(brow * r, np.array(who.hair) * 0.7 if who.hair_style != "bald" else np.array([70.0, 54.0, 46.0]), 0.9)


def _nose(easel: Easel, skin: Colour, x: np.ndarray, y: np.ndarray) -> None:
    side = np.clip(1 - np.sqrt(((x - 0.07) / 0.07) ** 2 + ((y - 0.22) / 0.2) ** 2), 0, 1)
    _wash(easel, 0.45 * side, tuple(0.6 * c for c in skin))
    light = np.clip(1 - np.sqrt(((x + 0.015) / 0.06) ** 2 + ((y - 0.2) / 0.22) ** 2), 0, 1)
    _wash(easel, 0.5 * light, tuple(min(1.18 * c, 255.0) for c in skin))
    for sign in (-1, 1):
        nostril = np.clip(1.3 - np.sqrt(((x - 0.065 * sign) / 0.05) ** 2 + ((y - 0.375) / 0.032) ** 2), 0, 1)
        _wash(easel, 0.6 * nostril, tuple(0.42 * c for c in skin))


def _mouth(easel: Easel, skin: Colour, x: np.ndarray, y: np.ndarray) -> None:
    lip = 0.72 * skin[0] + 26, 0.5 * skin[1] + 12, 0.5 * skin[2] + 20
    curve = y + 0.7 * x * x
    lips = np.clip(1.25 - np.sqrt((x / 0.23) ** 2 + (curve / 0.075) ** 2), 0, 1)
    _wash(easel, 0.85 * np.clip(3 * lips, 0, 1), lip)
    line = np.clip(1.2 - np.sqrt((x / 0.21) ** 2 + ((curve + 0.005) / 0.024) ** 2), 0, 1)
    _wash(easel, np.clip(2 * line, 0, 1), (96.0, 44.0, 44.0))
    below = np.clip(1 - np.sqrt((x / 0.16) ** 2 + ((y - 0.14) / 0.05) ** 2), 0, 1)
    _wash(easel, 0.3 * below, tuple(0.6 * c for c in skin))


def _blush(easel: Easel, skin: Colour, x: np.ndarray, y: np.ndarray) -> None:
    soft = np.clip(1 - np.sqrt((x / 0.24) ** 2 + (y / 0.2) ** 2), 0, 1)
    _wash(easel, 0.28 * soft, (min(1.04 * skin[0] + 8, 255.0), 0.78 * skin[1], 0.76 * skin[2]))


def _beard(easel: Easel, who: Identity, x: np.ndarray, y: np.ndarray) -> None:
    r = who.body.head
    jaw = np.minimum(0.93 - np.sqrt((x / 0.78 * (1 + 0.3 * y * y)) ** 2 + y * y), y - 0.66 + 0.62 * np.abs(x))
    moustache = 0.05 - np.abs(y - 0.46 - 0.5 * x * x) - 0.3 * np.maximum(np.abs(x) - 0.2, 0)
    grain = noise_at(who.top.folds, x * 30 + 0 * y, y * 30 + 0 * x)
    easel.lay(np.maximum(jaw, moustache) * r, np.array(who.hair) * (0.85 + 0.12 * grain)[..., None], 0.85)


def _glasses(easel: Easel, r: float, x: np.ndarray, y: np.ndarray) -> None:
    for sign in (-1, 1):
        u, v = (np.abs(x - 0.31 * sign) / 0.25), (np.abs(y) / 0.2)
        square = np.sqrt(np.sqrt(u * u * u * u + v * v * v * v))
        _wash(easel, 0.12 * np.clip((1 - square) * 8, 0, 1), (180.0, 205.0, 225.0))
        easel.lay((0.028 - np.abs(square - 1) * 0.22) * r, (34.0, 32.0, 36.0), 0.92)
    easel.lay(np.minimum(0.025 - np.abs(y + 0.05), 0.08 - np.abs(x)) * r, (34.0, 32.0, 36.0), 0.9)


def _wash(easel: Easel, amount: np.ndarray, colour: tuple[float, ...]) -> None:
    """A soft transparent layer of colour."""
    cover = amount[..., None]
    easel.colour += cover * (np.array(colour, np.float64) - easel.colour)
    easel.opacity += amount * (1 - easel.opacity)
