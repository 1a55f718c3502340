"""Paints the lecturer: shaded rounded shapes (limbs, torso, head) with soft edges, as a picture with opacity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from _lecture_pose import CHIN, HEAD_TOP, HIP, SHOULDER

if TYPE_CHECKING:
    from _lecture_pose import Pose

_LIGHT = np.array([-0.42, -0.52, 0.74], np.float32)  # from the upper left, towards the camera

_SKINS = ((226, 178, 150), (196, 142, 108), (142, 96, 70), (238, 196, 172))
_HAIRS = ((58, 42, 32), (30, 27, 27), (120, 112, 106), (112, 76, 44))
_TOPS = ((52, 70, 110), (118, 50, 54), (70, 88, 74), (86, 78, 96))
_TROUSERS = ((48, 48, 56), (92, 82, 68), (40, 46, 66))


@dataclass(frozen=True)
class Looks:
    """Colours (RGB) and the weave of the clothes of one lecturer."""

    skin: tuple[float, ...]
    hair: tuple[float, ...]
    top: tuple[float, ...]
    trousers: tuple[float, ...]
    weave: np.ndarray
    """float32 (512, 512), brightness of the cloth around 1."""
    long_hair: bool

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Looks:
        """Random looks."""
        fine = rng.standard_normal((512, 512), np.float32)
        folds = cv2.GaussianBlur(rng.standard_normal((512, 512), np.float32), (0, 0), 14, sigmaY=22)
        knit = np.sin(np.arange(512, dtype=np.float32) * 0.9)[:, None] * np.sin(np.arange(512, dtype=np.float32) * 1.1)
        weave = 1 + 0.035 * cv2.GaussianBlur(fine, (0, 0), 0.8) / 0.35 + 0.075 * folds / folds.std() + 0.03 * knit
        pick = [table[int(rng.integers(len(table)))] for table in (_SKINS, _HAIRS, _TOPS, _TROUSERS)]
        return cls(*pick, weave=weave.astype(np.float32), long_hair=bool(rng.random() < 0.4))


@dataclass(frozen=True)
class Figure:
    """A painted figure, to be placed with its first sample at `origin`."""

    colour: np.ndarray
    """float32 (h, w, 3), RGB multiplied by the opacity."""
    opacity: np.ndarray
    """float32 (h, w), 0 to 1."""
    origin: tuple[float, float]
    """World x and y of the upper left corner of sample (0, 0)."""


def paint_figure(pose: Pose, looks: Looks, samples: float) -> Figure:
    """Paint the lecturer with `samples` samples per world unit."""
    brush = _Brush(pose, looks.weave, samples)
    facing = float(np.cos(np.radians(pose.yaw)))
    near = 0 if np.sin(np.radians(pose.yaw)) > 0 else 1  # the arm on the side of the camera, seen from the side
    _legs(brush, pose, looks, far=1 - near)
    behind = [0, 1] if facing < -0.4 else [1 - near]
    for side in behind:
        _arm(brush, pose, looks, side)
    _torso(brush, pose, looks)
    _head(brush, pose, looks)
    for side in (0, 1):
        if side not in behind:
            _arm(brush, pose, looks, side)
    return Figure(brush.colour, brush.opacity, brush.origin)


class _Brush:
    """Blends shaded shapes over a transparent canvas that just holds the figure."""

    def __init__(self, pose: Pose, weave: np.ndarray, samples: float) -> None:
        points = np.concatenate([np.stack(limb) for limb in (*pose.arms, *pose.legs)])
        low = np.minimum(points.min(axis=0), (pose.x - 48, HEAD_TOP + pose.drop)) - 26
        high = np.maximum(points.max(axis=0), (pose.x + 48, 0)) + 26
        high[1] = min(high[1], 382.0)  # nothing below the view's margin
        low = np.floor(low * samples) / samples
        self.samples, self.weave = samples, weave
        self.origin = (float(low[0]), float(low[1]))
        width, height = np.ceil((high - low) * samples).astype(int)
        self.colour = np.zeros((height, width, 3), np.float32)
        self.opacity = np.zeros((height, width), np.float32)

    def grid(self, low: np.ndarray, high: np.ndarray) -> tuple[tuple[slice, slice], np.ndarray, np.ndarray]:
        """The part of the canvas between two world points and the world x (1, w) and y (h, 1) of its samples."""
        height, width = self.opacity.shape
        first = np.clip(np.floor((low - self.origin) * self.samples).astype(int), 0, (width, height))
        last = np.clip(np.ceil((high - self.origin) * self.samples).astype(int), first, (width, height))
        x = self.origin[0] + (np.arange(first[0], last[0], dtype=np.float32) + 0.5) / self.samples
        y = self.origin[1] + (np.arange(first[1], last[1], dtype=np.float32) + 0.5) / self.samples
        return np.s_[first[1] : last[1], first[0] : last[0]], x[None].astype(np.float32), y[:, None].astype(np.float32)

    def blend(self, part: tuple[slice, slice], alpha: np.ndarray, shade: np.ndarray, colour: tuple[float, ...]) -> None:
        """Lay a colour times a shade over the canvas."""
        rest = 1 - alpha
        lit = alpha * shade
        self.opacity[part] = self.opacity[part] * rest + alpha
        layer = self.colour[part]
        for channel in range(3):
            layer[..., channel] = layer[..., channel] * rest + lit * np.float32(colour[channel])

    def limb(
        self, p: np.ndarray, q: np.ndarray, radii: tuple[float, float], colour: tuple[float, ...], *, cloth: bool = True
    ) -> None:
        """A tapered round limb from p to q."""
        reach = max(radii) + 1.5
        part, x, y = self.grid(np.minimum(p, q) - reach, np.maximum(p, q) + reach)
        along = (q - p).astype(np.float32)
        length = max(float(np.hypot(*along)), 1e-3)
        ux, uy = np.float32(along[0] / length), np.float32(along[1] / length)
        s = np.clip((x - np.float32(p[0])) * ux + (y - np.float32(p[1])) * uy, 0, length)
        dx, dy = x - np.float32(p[0]) - s * ux, y - np.float32(p[1]) - s * uy
        radius = radii[0] + (radii[1] - radii[0]) / length * s
        distance = cv2.magnitude(dx, dy)
        alpha = np.clip((radius - distance) * self.samples * 0.8 + 0.5, 0, 1)
        across = np.clip((dy * ux - dx * uy) / radius, -1, 1)
        shade = _shade(across * -uy, across * ux, 1 - across * across)
        if cloth:
            shade = shade * self._cloth(s, across * radii[0])
        self.blend(part, alpha, shade, colour)

    def ball(
        self,
        centre: tuple[float, float],
        radii: tuple[float, float],
        colour: tuple[float, ...],
        *,
        flat: float = 0.0,
        soft: float = 0.8,
    ) -> None:
        """An ellipsoid; `flat` 1 takes the shading away; a small `soft` blurs its edge."""
        reach = np.array(radii) + 2.0 / soft
        part, x, y = self.grid(np.array(centre) - reach, np.array(centre) + reach)
        nx, ny = (x - np.float32(centre[0])) / radii[0], (y - np.float32(centre[1])) / radii[1]
        square = nx * nx + ny * ny
        alpha = np.clip((1 - np.sqrt(square)) * min(radii) * self.samples * soft + 0.5, 0, 1)
        shade = _shade(nx, ny, np.clip(1 - square, 0, 1))
        self.blend(part, alpha, shade * (1 - flat) + flat, colour)

    def trunk(self, profile: np.ndarray, colour: tuple[float, ...]) -> None:
        """A round body with a vertical axis; profile (N, 3): y, x of the axis, half width."""
        low = np.array([(profile[:, 1] - profile[:, 2]).min() - 2, profile[0, 0] - 1])
        high = np.array([(profile[:, 1] + profile[:, 2]).max() + 2, profile[-1, 0] + 1])
        part, x, y = self.grid(low, high)
        axis, half = (_through(y, profile[:, 0], profile[:, k]) for k in (1, 2))
        u = (x - axis) / half
        ends = np.clip(np.minimum(y - low[1], high[1] - y) * self.samples, 0, 1)
        alpha = np.clip((half - np.abs(x - axis)) * self.samples * 0.8 + 0.5, 0, 1) * ends
        u = np.clip(u, -1, 1)
        shade = _shade(0.85 * u, np.float32(-0.12), 1 - 0.85 * u * u) * self._cloth(
            y - profile[0, 0], u * profile[4, 2]
        )
        self.blend(part, alpha.astype(np.float32), shade.astype(np.float32), colour)

    def _cloth(self, along: np.ndarray, across: np.ndarray) -> np.ndarray:
        """Weave at cloth coordinates in world units."""
        rows = (along * self.samples).astype(np.int32) & 511
        columns = (across * self.samples + 256).astype(np.int32) & 511  # off the seam of the tile
        return self.weave[rows, columns]


def _shade(nx: np.ndarray, ny: np.ndarray | np.float32, nz_square: np.ndarray) -> np.ndarray:
    """Brightness of a surface with this normal."""
    nz = np.sqrt(np.maximum(nz_square, 0))
    return 0.6 + 0.48 * np.maximum(nx * _LIGHT[0] + ny * _LIGHT[1] + nz * _LIGHT[2], -0.35)


def _through(y: np.ndarray, at: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Values at y (h, 1) by a smooth curve through (at, values)."""
    dense = np.linspace(at[0], at[-1], 128)
    curve = np.interp(dense, at, values)
    kernel = np.hanning(13)
    curve = np.convolve(np.pad(curve, 6, mode="edge"), kernel / kernel.sum(), mode="valid")
    return np.interp(y[:, 0], dense, curve)[:, None].astype(np.float32)


def _darker(colour: tuple[float, ...], factor: float) -> tuple[float, ...]:
    return tuple(factor * c for c in colour)


def _legs(brush: _Brush, pose: Pose, looks: Looks, *, far: int) -> None:
    for side in (far, 1 - far):
        hip, knee, foot = pose.legs[side]
        colour = _darker(looks.trousers, 0.82 if side == far else 1.0)
        brush.limb(knee, foot, (13.5, 10.5), colour)
        brush.limb(hip, knee, (19.0, 13.5), colour)


def _torso(brush: _Brush, pose: Pose, looks: Looks) -> None:
    facing = float(np.cos(np.radians(pose.yaw)))
    turn = float(np.sin(np.radians(pose.yaw)))
    broad = abs(facing)
    keys = (  # y, half width from the front, half width from the side
        (SHOULDER - 13, 9, 9),
        (SHOULDER - 7, 20, 13),
        (SHOULDER + 1, 36, 18),
        (SHOULDER + 12, 41, 21),
        (SHOULDER + 34, 38, 23),
        (SHOULDER + 72, 34, 23),
        (HIP + 6, 37, 23),
        (HIP + 26, 38, 23),
    )
    profile = np.array(
        [
            (y + pose.drop, pose.x + 2.5 * turn * (y < HIP), np.hypot(front * broad, side * turn))
            for y, front, side in keys
        ]
    )
    neck = np.array([pose.x + 3 * turn, CHIN - 8 + pose.drop])
    brush.limb(neck, neck + np.array([-2 * turn, 26]), (9.5, 12.0), _darker(looks.skin, 0.8), cloth=False)
    brush.trunk(profile, looks.top)
    if facing > 0.25:
        _collar(brush, pose, looks, turn)
    else:
        nape = np.array([pose.x, SHOULDER - 11 + pose.drop])
        side = np.array([8.0, 0.0])
        brush.limb(nape - side, nape + side, (3.5, 3.5), _darker(looks.top, 0.85), cloth=False)


def _collar(brush: _Brush, pose: Pose, looks: Looks, turn: float) -> None:
    """An open shirt collar over the cloth."""
    throat = np.array([pose.x + 8 * turn, SHOULDER + 8 + pose.drop])
    brush.limb(throat - (4 * turn, 20), throat - (0, 3), (8.0, 1.5), _darker(looks.skin, 0.86), cloth=False)
    for sign in (-1, 1):
        shoulder = throat + np.array([sign * 11 - 4 * turn, -19])
        brush.limb(shoulder, throat, (4.0, 2.2), (226, 228, 232), cloth=False)
    seam = throat + np.array([[0, 6], [-3 * turn, 100]])
    brush.limb(seam[0], seam[1], (0.8, 0.8), _darker(looks.top, 0.6), cloth=False)


def _head(brush: _Brush, pose: Pose, looks: Looks) -> None:
    angle = np.radians(pose.head_yaw)
    turn, facing = float(np.sin(angle)), float(np.cos(angle))
    x, y = pose.x + 4 * turn, 0.5 * (HEAD_TOP + CHIN) + pose.drop
    half, tall = 17.0, 0.5 * (CHIN - HEAD_TOP)
    if looks.long_hair:
        brush.ball((x - 4 * turn, y + 2), (20.0 - 2 * abs(turn), tall + 0.5), _darker(looks.hair, 0.85))
    brush.ball((x - 1.5 * turn, y - 3), (half + 0.8, tall - 2), looks.hair)
    if facing > -0.55:
        _face(brush, (x, y), turn, facing, looks)
    else:
        for sign in (-1, 1):
            brush.ball((x + sign * half * 0.97 * abs(facing), y + 3), (2.4, 5), _darker(looks.skin, 0.9))
        brush.ball((x, y + (2 if not looks.long_hair else 5)), (17.2, tall - 2.5), looks.hair)


def _face(brush: _Brush, centre: tuple[float, float], turn: float, facing: float, looks: Looks) -> None:
    x, y = centre
    skin = looks.skin
    profile = abs(turn)
    brush.ball((x + 5.5 * turn, y + 4.5), (15.0 - 2.5 * profile, 18.5), skin)
    brush.ball((x + 6.5 * turn, y + 12), (10.5 - 1.0 * profile, 10.5), skin)  # jaw
    for sign in (-1, 1):  # ears on the visible side
        where = sign * facing
        if sign * turn < 0.35:
            brush.ball((x + 16.2 * where - 2 * turn, y + 4), (2.6, 5), _darker(skin, 0.88))
    brush.ball((x + 2.0 * turn, y - 11.5), (15.6 - profile, 9.0), looks.hair)  # fringe
    brush.ball((x - 9.5 * turn, y - 3), (9.0 * profile + 1e-2, 15 * profile + 1e-2), looks.hair)
    dark, lip = (46, 36, 34), (168, 96, 88)
    for sign in (-1, 1):
        across = np.sin(np.arctan2(turn, facing) + sign * 0.38)
        depth = np.cos(np.arctan2(turn, facing) + sign * 0.38)
        if depth < 0.1:
            continue
        ex = x + 15.5 * across + 1.5 * turn
        brush.ball((ex, y + 2.2), (2.6 * depth + 0.4, 1.5), (236, 230, 226), flat=1)
        brush.ball((ex + 0.6 * turn, y + 2.2), (1.2 * depth + 0.3, 1.5), dark, flat=1)
        brush.ball((ex, y - 2.4), (3.5 * depth + 0.3, 0.9), _darker(looks.hair, 0.8), flat=1, soft=0.5)
    nose = x + 16.8 * turn
    brush.ball((nose, y + 6.5), (2.1 + 0.8 * profile, 3.6), tuple(min(1.03 * c, 255) for c in skin))
    brush.ball((nose - 0.4, y + 9.6), (2.2, 0.9), _darker(skin, 0.72), flat=1, soft=0.5)
    brush.ball((x + 14.2 * turn, y + 14.2), (4.6 * abs(facing) + 1.4, 1.1), lip, flat=1, soft=0.6)


def _arm(brush: _Brush, pose: Pose, looks: Looks, side: int) -> None:
    shoulder, elbow, hand = pose.arms[side]
    sleeve = _darker(looks.top, 0.94)
    wrist = elbow + 0.86 * (hand - elbow)
    brush.limb(shoulder, elbow, (13.0, 10.0), sleeve)
    brush.limb(elbow, wrist, (10.0, 7.0), sleeve)
    forward = (hand - elbow) / max(float(np.hypot(*(hand - elbow))), 1e-6)
    tip = hand + 11 * forward + 3 * np.array([forward[1], -forward[0]])
    if side == 0 and pose.pen is not None and np.hypot(*(pose.pen - hand)) < 24:
        tip = hand + 0.66 * (pose.pen - hand)  # fingers hold the pen
        brush.limb(hand, pose.pen, (1.5, 1.0), (40, 44, 52), cloth=False)
    brush.limb(wrist, hand + 2 * forward, (5.4, 6.8), looks.skin, cloth=False)
    brush.limb(hand, tip, (5.6, 3.4), looks.skin, cloth=False)
