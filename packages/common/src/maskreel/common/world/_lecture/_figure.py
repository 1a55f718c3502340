"""Paints the lecturer limb by limb, as a picture with opacity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from maskreel.common.world._lecture._brush import Brush, Figure
from maskreel.common.world._lecture._pose import CHIN, HEAD_TOP, HIP, SHOULDER

if TYPE_CHECKING:
    from maskreel.common.world._lecture._pose import Pose

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


def paint_figure(pose: Pose, looks: Looks, samples: float) -> Figure:
    """Paint the lecturer with `samples` samples per world unit."""
    brush = Brush(pose, looks.weave, samples)
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
    return brush.figure()


def _darker(colour: tuple[float, ...], factor: float) -> tuple[float, ...]:
    return tuple(factor * c for c in colour)


def _legs(brush: Brush, pose: Pose, looks: Looks, *, far: int) -> None:
    for side in (far, 1 - far):
        hip, knee, foot = pose.legs[side]
        colour = _darker(looks.trousers, 0.82 if side == far else 1.0)
        brush.limb(f"shin {side}", knee, foot, (13.5, 10.5), colour)
        brush.limb(f"thigh {side}", hip, knee, (19.0, 13.5), colour)


def _torso(brush: Brush, pose: Pose, looks: Looks) -> None:
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
    brush.limb("neck", neck, neck + np.array([-2 * turn, 26]), (9.5, 12.0), _darker(looks.skin, 0.8), cloth=False)
    brush.trunk(profile, looks.top)
    if facing > 0.25:
        _collar(brush, pose, looks, turn)
    else:
        nape = np.array([pose.x, SHOULDER - 11 + pose.drop])
        side = np.array([8.0, 0.0])
        brush.limb("nape", nape - side, nape + side, (3.5, 3.5), _darker(looks.top, 0.85), cloth=False)


def _collar(brush: Brush, pose: Pose, looks: Looks, turn: float) -> None:
    """An open shirt collar over the cloth."""
    throat = np.array([pose.x + 8 * turn, SHOULDER + 8 + pose.drop])
    brush.limb("throat", throat - (4 * turn, 20), throat - (0, 3), (8.0, 1.5), _darker(looks.skin, 0.86), cloth=False)
    for sign in (-1, 1):
        shoulder = throat + np.array([sign * 11 - 4 * turn, -19])
        brush.limb(f"collar {sign}", shoulder, throat, (4.0, 2.2), (226, 228, 232), cloth=False)
    seam = throat + np.array([[0, 6], [-3 * turn, 100]])
    brush.limb("seam", seam[0], seam[1], (0.8, 0.8), _darker(looks.top, 0.6), cloth=False)


def _head(brush: Brush, pose: Pose, looks: Looks) -> None:
    angle = np.radians(pose.head_yaw)
    turn, facing = float(np.sin(angle)), float(np.cos(angle))
    x, y = pose.x + 4 * turn, 0.5 * (HEAD_TOP + CHIN) + pose.drop
    half, tall = 17.0, 0.5 * (CHIN - HEAD_TOP)
    if looks.long_hair:
        brush.ball("long hair", (x - 4 * turn, y + 2), (20.0 - 2 * abs(turn), tall + 0.5), _darker(looks.hair, 0.85))
    brush.ball("hair", (x - 1.5 * turn, y - 3), (half + 0.8, tall - 2), looks.hair)
    if facing > -0.55:
        _face(brush, (x, y), turn, facing, looks)
    else:
        for sign in (-1, 1):
            brush.ball(
                f"ear from behind {sign}",
                (x + sign * half * 0.97 * abs(facing), y + 3),
                (2.4, 5),
                _darker(looks.skin, 0.9),
            )
        brush.ball("back of the head", (x, y + (2 if not looks.long_hair else 5)), (17.2, tall - 2.5), looks.hair)


def _face(brush: Brush, centre: tuple[float, float], turn: float, facing: float, looks: Looks) -> None:
    x, y = centre
    skin = looks.skin
    profile = abs(turn)
    brush.ball("face", (x + 5.5 * turn, y + 4.5), (15.0 - 2.5 * profile, 18.5), skin)
    brush.ball("jaw", (x + 6.5 * turn, y + 12), (10.5 - 1.0 * profile, 10.5), skin)  # jaw
    for sign in (-1, 1):  # ears on the visible side
        where = sign * facing
        if sign * turn < 0.35:
            brush.ball(f"ear {sign}", (x + 16.2 * where - 2 * turn, y + 4), (2.6, 5), _darker(skin, 0.88))
    brush.ball("fringe", (x + 2.0 * turn, y - 11.5), (15.6 - profile, 9.0), looks.hair)  # fringe
    brush.ball("side hair", (x - 9.5 * turn, y - 3), (9.0 * profile + 1e-2, 15 * profile + 1e-2), looks.hair)
    dark, lip = (46, 36, 34), (168, 96, 88)
    for sign in (-1, 1):
        across = np.sin(np.arctan2(turn, facing) + sign * 0.38)
        depth = np.cos(np.arctan2(turn, facing) + sign * 0.38)
        if depth < 0.1:
            continue
        ex = x + 15.5 * across + 1.5 * turn
        brush.ball(f"eye {sign}", (ex, y + 2.2), (2.6 * depth + 0.4, 1.5), (236, 230, 226), flat=1)
        brush.ball(f"pupil {sign}", (ex + 0.6 * turn, y + 2.2), (1.2 * depth + 0.3, 1.5), dark, flat=1)
        brush.ball(f"brow {sign}", (ex, y - 2.4), (3.5 * depth + 0.3, 0.9), _darker(looks.hair, 0.8), flat=1, soft=0.5)
    nose = x + 16.8 * turn
    brush.ball("nose", (nose, y + 6.5), (2.1 + 0.8 * profile, 3.6), tuple(min(1.03 * c, 255) for c in skin))
    brush.ball("nostrils", (nose - 0.4, y + 9.6), (2.2, 0.9), _darker(skin, 0.72), flat=1, soft=0.5)
    brush.ball("mouth", (x + 14.2 * turn, y + 14.2), (4.6 * abs(facing) + 1.4, 1.1), lip, flat=1, soft=0.6)


def _arm(brush: Brush, pose: Pose, looks: Looks, side: int) -> None:
    shoulder, elbow, hand = pose.arms[side]
    sleeve = _darker(looks.top, 0.94)
    wrist = elbow + 0.86 * (hand - elbow)
    brush.limb(f"upper arm {side}", shoulder, elbow, (13.0, 10.0), sleeve)
    brush.limb(f"forearm {side}", elbow, wrist, (10.0, 7.0), sleeve)
    forward = (hand - elbow) / max(float(np.hypot(*(hand - elbow))), 1e-6)
    tip = hand + 11 * forward + 3 * np.array([forward[1], -forward[0]])
    if side == 0 and pose.pen is not None and np.hypot(*(pose.pen - hand)) < 24:
        tip = hand + 0.66 * (pose.pen - hand)  # fingers hold the pen
        brush.limb("pen", hand, pose.pen, (1.5, 1.0), (40, 44, 52), cloth=False)
    brush.limb(f"palm {side}", wrist, hand + 2 * forward, (5.4, 6.8), looks.skin, cloth=False)
    brush.limb(f"fingers {side}", hand, tip, (5.6, 3.4), looks.skin, cloth=False)
