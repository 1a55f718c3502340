"""Where the lecturer's limbs are at a moment: the acts of the script turned into joints."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

import numpy as np

from maskreel.common.world._lecture._script import Act, smooth

HEAD_TOP, CHIN, SHOULDER, HIP, KNEE, FLOOR = 70.0, 115.0, 137.0, 240.0, 318.0, 394.0
"""Heights of the standing figure, world units, y down."""
_UPPER_ARM, _FOREARM = 55.0, 50.0
_STRIDE = 62.0  # world units walked per half cycle of the legs
_BLEND_SECONDS = 0.4


@dataclass(frozen=True)
class Pose:
    """Joints in world units; angles in degrees (0 towards the camera, 90 to the right, 180 to the board)."""

    x: float
    drop: float
    """World units the whole figure is lower than standing upright."""
    yaw: float
    head_yaw: float
    arms: tuple[tuple[np.ndarray, np.ndarray, np.ndarray], ...]
    """Shoulder, elbow and hand of the right and of the left arm."""
    legs: tuple[tuple[np.ndarray, np.ndarray, np.ndarray], ...]
    """Hip, knee and foot of the right and of the left leg."""
    pen: np.ndarray | None
    """Tip of the pen while writing."""


class Actor:
    """Plays the acts; `pose(seconds)` may be asked in any order."""

    def __init__(self, acts: list[Act], rng: np.random.Generator) -> None:
        self._acts = acts
        self._starts = [act.start for act in acts]
        self._phases = rng.uniform(0, 2 * np.pi, 8)

    def pose(self, seconds: float) -> Pose:
        """The pose at a moment of the clip."""
        index = min(max(bisect_right(self._starts, seconds) - 1, 0), len(self._acts) - 1)
        act, before = self._acts[index], self._acts[max(index - 1, 0)]
        part = smooth((seconds - act.start) / _BLEND_SECONDS)
        x = self._x(seconds) + 1.5 * np.sin(0.9 * seconds + self._phases[0])
        speed = (self._x(seconds + 0.1) - self._x(seconds - 0.1)) / 0.2
        gait = float(np.clip(abs(speed) / 120.0, 0.0, 1.0))
        phase = np.pi * x / _STRIDE
        drop = 2.0 * gait * abs(np.sin(phase)) + 0.6 * np.sin(1.3 * seconds + self._phases[1])
        yaw = _turn(before.yaw, act.yaw, part)
        hands = [
            (1 - part) * self._hand(side, before, seconds, x, yaw, gait, phase)
            + part * self._hand(side, act, seconds, x, yaw, gait, phase)
            for side in (-1, 1)
        ]
        shoulders = [self._shoulder(side, x, yaw, drop) for side in (-1, 1)]
        return Pose(
            x=x,
            drop=drop,
            yaw=yaw,
            head_yaw=yaw + (12 + 10 * np.sin(0.7 * seconds + self._phases[2])) * np.cos(np.radians(yaw)),
            arms=(
                _arm(shoulders[0], hands[0], flat=_flat(before, act, part)),
                _arm(shoulders[1], hands[1]),
            ),
            legs=tuple(_leg(side, x, yaw, drop, gait, phase, speed) for side in (-1, 1)),
            pen=act.writing.pen(seconds) if act.writing is not None and part > 0.6 else None,
        )

    def _x(self, seconds: float) -> float:
        index = min(max(bisect_right(self._starts, seconds) - 1, 0), len(self._acts) - 1)
        return self._acts[index].x(min(max(seconds, self._acts[index].start), self._acts[index].end))

    def _shoulder(self, side: int, x: float, yaw: float, drop: float) -> np.ndarray:
        turn = np.radians(yaw)
        return np.array([x + side * (31 * np.cos(turn)), SHOULDER + 8 + drop])

    def _hand(self, side: int, act: Act, seconds: float, x: float, yaw: float, gait: float, phase: float) -> np.ndarray:
        """Where the hand wants to be. `side` is -1 for the right arm (left in the picture when he faces the camera)."""
        shoulder = self._shoulder(side, x, yaw, 0.0)
        if act.writing is not None and side == -1:
            around = act.writing.pen(seconds + np.array([-0.12, -0.06, 0.0, 0.06]))
            return around.mean(axis=0) + np.array([-12.0, 3.0])
        if act.kind == "walk":
            heading = np.sign(np.sin(np.radians(act.yaw)))
            return shoulder + np.array([side * heading * 26 * gait * np.sin(phase) + 7 * heading, 97.0])
        if act.kind == "write":
            return shoulder + np.array([4.0 * side * np.cos(np.radians(yaw)), 100.0])
        return shoulder + self._gesture(side, seconds)

    def _gesture(self, side: int, seconds: float) -> np.ndarray:
        """Talking hands: now resting before the belly, now raised and waving."""
        a, b, c = self._phases[3 + (side > 0) : 6 + (side > 0)]
        lift = smooth(0.5 + 0.9 * np.sin(1.1 * seconds + a) * np.sin(0.43 * seconds + b))
        wave = np.array([6 * np.sin(4.1 * seconds + c), 5 * np.sin(5.3 * seconds + a)])
        resting, raised = np.array([-side * 17.0, 76.0]), np.array([side * 26.0, 28.0])
        return (1 - lift) * resting + lift * (raised + wave)


def _flat(before: Act, act: Act, part: float) -> float:
    return (1 - part) * (before.kind != "write") + part * (act.kind != "write")


def _turn(before: float, after: float, part: float) -> float:
    return before + part * ((after - before + 180) % 360 - 180)


def _leg(
    side: int, x: float, yaw: float, drop: float, gait: float, phase: float, speed: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    turn = np.radians(yaw)
    heading = 1.0 if speed >= 0 else -1.0
    swing = gait * np.sin(phase + (np.pi if side > 0 else 0.0))
    lifted = gait * max(np.cos(phase + (np.pi if side > 0 else 0.0)) * heading, 0.0)
    hip = np.array([x + side * 15 * np.cos(turn), HIP + drop])
    foot = np.array([x + side * 19 * np.cos(turn) + 30 * swing, FLOOR - 9 * lifted])
    knee = (hip + foot) / 2 + np.array([heading * (9 * lifted + 3 * gait), 0.0])
    return hip, knee, foot


def _arm(shoulder: np.ndarray, hand: np.ndarray, *, flat: float = 1.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Shoulder, elbow and reachable hand in the picture; the elbow hangs down.

    `flat` 1 is an arm in the picture plane; at 0 it points away from the camera as far as makes it nearly straight.
    """
    reach = hand - shoulder
    length = float(np.hypot(*reach))
    stretched = min(1.08 * length / (_UPPER_ARM + _FOREARM), 1.0)
    upper, fore = (bone * (flat + (1 - flat) * stretched) for bone in (_UPPER_ARM, _FOREARM))
    distance = float(np.clip(length, abs(upper - fore) + 6, upper + fore - 0.5))
    direction = reach / max(length, 1e-6)
    along = (upper**2 - fore**2 + distance**2) / (2 * distance)
    aside = np.sqrt(max(upper**2 - along**2, 0.0))
    normal = np.array([-direction[1], direction[0]])
    elbows = [shoulder + along * direction + sign * aside * normal for sign in (-1, 1)]
    return shoulder, max(elbows, key=lambda elbow: float(elbow[1])), shoulder + distance * direction
