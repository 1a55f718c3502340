"""What actors do: angles of the joints over time for walking, waving, turning and dancing, drawn from a seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from maskreel.common.world._actors._noise import rise, wave

Action = Literal["walk", "wave", "turn", "dance"]
ACTIONS: tuple[Action, ...] = ("walk", "wave", "turn", "dance")
STRIDE = 0.62
"""Body units walked in a full cycle of both legs."""


@dataclass(frozen=True)
class Moves:
    """Angles in degrees, float64 (T,), or (T, 2) for the right and the left side. They say nothing about who moves."""

    yaw: np.ndarray
    """Which way the body faces: 0 the camera, 90 the right of the picture."""
    head_yaw: np.ndarray
    lean: np.ndarray
    """The trunk's tilt to the right of the picture."""
    head_tilt: np.ndarray
    arm_forward: np.ndarray
    """Upper arms: 0 hang down, 90 point ahead; forearms likewise, and legs below."""
    arm_aside: np.ndarray
    """Upper arms: 0 hang down, 90 point sideways, 180 up."""
    forearm_forward: np.ndarray
    forearm_aside: np.ndarray
    thigh_forward: np.ndarray
    thigh_aside: np.ndarray
    shin_forward: np.ndarray
    shin_aside: np.ndarray
    jump: np.ndarray
    """Body units above the floor."""
    travel: np.ndarray
    """Body units to the right of where the actor stands on average."""


def draw_moves(rng: np.random.Generator, seconds: np.ndarray, reach: float) -> Moves:
    """Random moves at these moments; walkers stay within `reach` body units of their place."""
    action = ACTIONS[int(rng.integers(len(ACTIONS)))]
    make = {"walk": _walk, "wave": _wave, "turn": _turn, "dance": _dance}[action]
    return make(rng, seconds, reach)


def _walk(rng: np.random.Generator, t: np.ndarray, reach: float) -> Moves:
    span = min(reach, rng.uniform(0.45, 0.8))
    speed = rng.uniform(0.85, 1.15) * min(span, 0.55)  # at the middle of the way, body units a second
    turns = t * (speed / (2 * np.pi * span)) + rng.uniform()
    travel, pace = span * wave(turns), wave(turns + 0.25)
    strength = rise(np.abs(pace), 0.0, 0.55)[:, None]
    facing = 66 * (2 * rise(pace, -0.45, 0.45) - 1)
    phase = travel / STRIDE + rng.uniform()
    both = phase[:, None] * np.where(pace < 0, -1, 1)[:, None] + np.array([0.0, 0.5])
    swing, lift = wave(both), np.maximum(wave(both + 0.25), 0)
    knee = strength * (8 + 42 * lift)
    energy = rng.uniform(0.8, 1.2)
    arm = -energy * 24 * strength * swing
    return _Still(t, rng).but(
        yaw=facing,
        head_yaw=0.25 * facing * (1 - np.abs(pace)) + 6 * wave(0.31 * t + rng.uniform()),
        lean=3.5 * pace * strength[:, 0],
        arm_forward=arm,
        arm_aside=np.full_like(arm, 7.0),
        forearm_forward=arm + 16 + 0.5 * np.maximum(arm, 0),
        forearm_aside=np.full_like(arm, 4.0),
        thigh_forward=24 * strength * swing + 0.3 * knee,
        shin_forward=24 * strength * swing - 0.75 * knee,
        travel=travel,
    )


def _wave(rng: np.random.Generator, t: np.ndarray, reach: float) -> Moves:
    still = _Still(t, rng)
    side = int(rng.integers(2))
    beat = wave(t * rng.uniform(1.1, 1.7) + rng.uniform())
    high = rng.uniform(112, 150) + 5 * wave(0.4 * t + rng.uniform())
    aside, forearm = still.arm_aside.copy(), still.forearm_aside.copy()
    aside[:, side], forearm[:, side] = high + 5 * beat, 168 + 26 * beat
    forward, bent = still.arm_forward.copy(), still.forearm_forward.copy()
    forward[:, side], bent[:, side] = 4.0, 4.0
    if rng.random() < 0.5:  # the other hand on the hip
        aside[:, 1 - side], forearm[:, 1 - side] = 42 + 2 * beat, -46
        bent[:, 1 - side] = 18.0
    return still.but(
        yaw=rng.uniform(-24, 24) + 8 * wave(0.23 * t + rng.uniform()),
        lean=still.lean + 2.5 * beat * (0.5 - side),
        head_tilt=still.head_tilt + 4 * beat,
        arm_forward=forward,
        arm_aside=aside,
        forearm_forward=bent,
        forearm_aside=forearm,
        travel=min(0.04, reach) * wave(0.2 * t + rng.uniform()),
    )


def _turn(rng: np.random.Generator, t: np.ndarray, reach: float) -> Moves:
    still = _Still(t, rng)
    turns = t * rng.uniform(0.24, 0.36) + rng.uniform()
    open_ = 0.5 + 0.5 * wave(np.stack([turns * 2, turns * 2 + rng.uniform(0.2, 0.5)], 1))
    step = wave(np.stack([turns * 4, turns * 4 + 0.5], 1))
    lift = np.maximum(step, 0)
    return still.but(
        yaw=rng.uniform(58, 70) * wave(turns),
        head_yaw=20 * wave(turns + 0.09),
        arm_aside=12 + rng.uniform(22, 46) * open_,
        forearm_aside=16 + rng.uniform(40, 72) * open_,
        arm_forward=8 + 10 * step,
        forearm_forward=24 + 10 * step,
        thigh_forward=still.thigh_forward + 13 * lift,
        shin_forward=still.shin_forward - 16 * lift,
        travel=min(0.05, reach) * wave(0.5 * turns),
    )


def _dance(rng: np.random.Generator, t: np.ndarray, reach: float) -> Moves:
    still = _Still(t, rng)
    beat = t * rng.uniform(0.75, 1.05) + rng.uniform()
    both = np.stack([beat, beat + 0.5], 1)
    slow = np.stack([0.5 * beat, 0.5 * beat + rng.choice([0.0, 0.5])], 1)
    bend = 0.5 + 0.5 * wave(both)
    arms, knees = rng.uniform(40, 70), rng.uniform(20, 32)
    return still.but(
        yaw=rng.uniform(12, 38) * wave(0.25 * beat + rng.uniform()),
        head_yaw=14 * wave(0.5 * beat + 0.1),
        lean=rng.uniform(4, 8) * wave(beat),
        head_tilt=7 * wave(beat + 0.15),
        arm_forward=10 + 8 * wave(both),
        arm_aside=rng.uniform(52, 84) + arms * 0.7 * wave(slow),
        forearm_forward=12 + 8 * wave(both + 0.1),
        forearm_aside=rng.uniform(82, 120) + arms * wave(slow + 0.12) + 14 * wave(both),
        thigh_forward=knees * bend,
        thigh_aside=6 + 10 * bend,
        shin_forward=-0.8 * knees * bend,
        shin_aside=4 - 8 * bend,
        jump=rng.uniform(0.0, 0.035) * np.maximum(wave(2 * beat + 0.1), 0),
        travel=min(rng.uniform(0.03, 0.1), reach) * wave(0.5 * beat + 0.3),
    )


class _Still:
    """Somebody who stands at ease and breathes; `but` replaces what an action moves."""

    def __init__(self, t: np.ndarray, rng: np.random.Generator) -> None:
        phases = rng.uniform(size=4)
        pair = np.ones((len(t), 2))
        breath = wave(0.27 * t + phases[0])
        sway = wave(0.19 * t + phases[1])
        self.yaw = rng.uniform(-30, 30) + 4 * sway
        self.head_yaw = 16 * wave(0.17 * t + phases[2])
        self.lean = 1.5 * sway
        self.head_tilt = 3 * wave(0.23 * t + phases[3])
        self.arm_forward = 4 * pair + 2 * breath[:, None]
        self.arm_aside = (9 * pair) + 1.5 * breath[:, None]
        self.forearm_forward = 14 * pair
        self.forearm_aside = 5 * pair
        self.thigh_forward = 0 * pair
        self.thigh_aside = 5 * pair
        self.shin_forward = -2 * pair
        self.shin_aside = 3 * pair
        self.jump = 0 * t
        self.travel = 0 * t

    def but(self, **moved: np.ndarray) -> Moves:
        return Moves(**(vars(self) | moved))
