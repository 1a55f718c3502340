"""From angles to joints: where every joint of an actor is in the picture plane, and how near to the camera."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from maskreel.common.world._actors._noise import wave

if TYPE_CHECKING:
    from maskreel.common.world._actors._identity import Body
    from maskreel.common.world._actors._moves import Moves

JOINTS = (
    "head", "neck", "right shoulder", "right elbow", "right wrist", "left shoulder", "left elbow", "left wrist",
    "hips", "right hip", "right knee", "right ankle", "left hip", "left knee", "left ankle",
)  # fmt: skip
SIDES = ("right", "left")


@dataclass(frozen=True)
class Skeleton:
    """Joints over time in body units: x to the right, y down from the floor, z towards the camera."""

    joints: np.ndarray
    """float64 (T, J, 3), in the order of JOINTS."""
    facing: np.ndarray
    """float64 (T, 2): sine and cosine of the body's yaw."""
    head_facing: np.ndarray
    """float64 (T, 2): sine and cosine of the head's yaw."""
    upright: np.ndarray
    """float64 (T, 2): sine and cosine of the trunk's tilt."""
    head_upright: np.ndarray
    """float64 (T, 2): sine and cosine of the head's tilt."""

    def __getitem__(self, joint: str) -> np.ndarray:
        """float64 (T, 3)."""
        return self.joints[:, JOINTS.index(joint)]


def pose(body: Body, moves: Moves) -> Skeleton:
    """Where the joints of this body are when it moves like that; the lower foot stands on the floor unless it jumps."""
    facing, upright = _turn(moves.yaw), _turn(moves.lean)
    head_facing = _turn(np.clip(moves.yaw + moves.head_yaw, -78, 78))
    head_upright = _turn(moves.lean * 0.5 + moves.head_tilt)
    zero = np.zeros((len(facing), 3))
    found = {"hips": zero}
    up = np.stack([upright[:, 0], -upright[:, 1], 0 * upright[:, 0]], 1)
    found["neck"] = zero + up * body.trunk
    head_up = np.stack([head_upright[:, 0], -head_upright[:, 1], 0 * upright[:, 0]], 1)
    found["head"] = found["neck"] + body.neck * 0.3 * up + body.neck * 0.7 * head_up
    for index, (side, sign) in enumerate(zip(SIDES, (-1, 1), strict=True)):
        across = sign * np.stack([facing[:, 1], 0 * facing[:, 0], -facing[:, 0]], 1)
        arm = _limb(moves.arm_forward, moves.arm_aside, facing, index)
        forearm = _limb(moves.forearm_forward, moves.forearm_aside, facing, index)
        found[f"{side} shoulder"] = found["neck"] + body.shoulders * _tilt(across, upright) - 0.012 * up
        found[f"{side} elbow"] = found[f"{side} shoulder"] + body.upper_arm * arm
        found[f"{side} wrist"] = found[f"{side} elbow"] + body.forearm * forearm
        found[f"{side} hip"] = body.hips * across + np.array([0.0, 0.03, 0.0])
        thigh = _limb(moves.thigh_forward, moves.thigh_aside, facing, index)
        shin = _limb(moves.shin_forward, moves.shin_aside, facing, index)
        found[f"{side} knee"] = found[f"{side} hip"] + body.thigh * thigh
        found[f"{side} ankle"] = found[f"{side} knee"] + body.shin * shin
    joints = np.stack([found[name] for name in JOINTS], 1)
    lowest = np.maximum(found["right ankle"][:, 1], found["left ankle"][:, 1]) + body.ankle
    joints[..., 1] -= (lowest + moves.jump)[:, None]
    joints[..., 0] += moves.travel[:, None]
    return Skeleton(joints, facing, head_facing, upright, head_upright)


def _turn(degrees: np.ndarray) -> np.ndarray:
    """Sine and cosine, (..., 2)."""
    turns = np.asarray(degrees) / 360
    return np.stack([wave(turns), wave(turns + 0.25)], -1)


def _limb(forward: np.ndarray, aside: np.ndarray, facing: np.ndarray, side: int) -> np.ndarray:
    """float64 (T, 3): direction of a limb from its angles to the front and to the outside."""
    ahead, out = _turn(forward[:, side]), _turn(aside[:, side])
    front, outside, down = ahead[:, 0] * out[:, 1], out[:, 0] * (-1, 1)[side], ahead[:, 1] * out[:, 1]
    sine, cosine = facing[:, 0], facing[:, 1]
    return np.stack([outside * cosine + front * sine, down, front * cosine - outside * sine], 1)


def _tilt(vector: np.ndarray, upright: np.ndarray) -> np.ndarray:
    """A vector of the picture plane turned with the trunk."""
    sine, cosine = upright[:, 0], upright[:, 1]
    x, y, z = vector.T
    return np.stack([x * cosine - y * sine, x * sine + y * cosine, z], 1)
