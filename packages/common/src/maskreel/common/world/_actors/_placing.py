"""Where the sprites of an actor go: one affine map for each part and frame, and which part covers which."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from maskreel.common.world._actors._skeleton import SIDES

if TYPE_CHECKING:
    from maskreel.common.world._actors._identity import Body
    from maskreel.common.world._actors._skeleton import Skeleton

_SHORTEST = 0.4  # of a limb's length, however much it points at the camera: less would squash its picture
_HAND = 0.05

Placement = dict[str, tuple[float, np.ndarray]]
"""For every part its layer, a greater one in front, and its float64 (2, 3) map from its own to body coordinates."""


def place(body: Body, bones: Skeleton, t: int) -> Placement:
    """All parts of an actor at frame `t`."""
    parts: Placement = {}
    for side, sign in zip(SIDES, (-1, 1), strict=True):
        _place_arm(parts, body, bones, t, side)
        _place_leg(parts, body, bones, t, side, sign)
    _place_trunk(parts, bones, t)
    _place_head(parts, body, bones, t)
    return parts


def _place_arm(parts: Placement, body: Body, bones: Skeleton, t: int, side: str) -> None:
    shoulder, elbow, wrist = (bones[f"{side} {joint}"][t] for joint in ("shoulder", "elbow", "wrist"))
    layer = 60 if elbow[2] + wrist[2] > -0.07 else -20
    turned = 1 if bones.facing[t, 0] * (-1 if side == "right" else 1) <= 0 else -1
    parts[f"{side} upper arm"] = layer, _between(shoulder, elbow, body.upper_arm)
    parts[f"{side} forearm"] = layer + 1, _between(elbow, wrist, body.forearm)
    along = _unit(wrist - elbow)
    mirrored = turned if side == "right" else -turned
    parts[f"{side} hand"] = layer + 2, _between(wrist, wrist + along * _HAND, _HAND, mirrored=mirrored)


def _place_leg(parts: Placement, body: Body, bones: Skeleton, t: int, side: str, sign: int) -> None:
    hip, knee, ankle = (bones[f"{side} {joint}"][t] for joint in ("hip", "knee", "ankle"))
    other = bones["left knee" if side == "right" else "right knee"][t]
    layer = 10 if knee[2] > other[2] or (knee[2] == other[2] and sign > 0) else 0
    sine = bones.facing[t, 0]
    heading = sine + sign * 0.22 * (1 - abs(sine))  # feet point a little outwards
    foot_length = np.copysign(max(abs(heading), 0.3), heading)
    tilt = _unit(ankle - knee) * (1 if foot_length > 0 else -1)
    lifted = min(max(-(ankle[1] + body.ankle) * 5, 0.0), 0.5)
    down = _unit(np.array([tilt[0] * lifted, 1 - 0.2 * lifted]))
    shoe = np.array([[down[1] * foot_length, down[0], ankle[0]], [-down[0] * abs(foot_length), down[1], ankle[1]]])
    parts[f"{side} shoe"] = layer, shoe
    parts[f"{side} shin"] = layer + 1, _between(knee, ankle, body.shin)
    parts[f"{side} thigh"] = layer + 2, _between(hip, knee, body.thigh)


def _place_trunk(parts: Placement, bones: Skeleton, t: int) -> None:
    sine, cosine = bones.upright[t]
    turned = _narrowed(bones.facing[t], 0.72)
    hips, neck = bones["hips"][t], bones["neck"][t]
    parts["hips"] = 30, np.array([[_narrowed(bones.facing[t], 0.7), 0, hips[0]], [0, 1, hips[1]]])
    # x of the picture is (cosine, sine), up is (sine, -cosine)
    parts["torso"] = 31, np.array([[cosine * turned, -sine, hips[0]], [sine * turned, cosine, hips[1]]])
    parts["neck"] = 25, np.array([[cosine, -sine, neck[0]], [sine, cosine, neck[1]]])


def _place_head(parts: Placement, body: Body, bones: Skeleton, t: int) -> None:
    x, y = bones["head"][t, :2]
    (sine, cosine), (turn, front) = bones.head_upright[t], bones.head_facing[t]
    r = body.head

    def at(across: float, down: float, wide: float = 1.0) -> np.ndarray:
        place = x + cosine * across - sine * down, y + sine * across + cosine * down
        return np.array([[cosine * wide, -sine, place[0]], [sine * wide, cosine, place[1]]])

    parts["hair behind"] = -30, at(-0.2 * r * turn, 0.0, 1 - 0.06 * abs(turn))
    parts["skull"] = 40, at(0.0, 0.0)
    parts["face"] = 42, at(0.5 * r * turn, 0.0, 0.42 + 0.58 * front)
    parts["hair before"] = 44, at(0.05 * r * turn, 0.0)
    for side, sign in zip(SIDES, (-1, 1), strict=True):
        near = -sign * turn  # his right ear is near when he looks to the right of the picture
        parts[f"{side} ear"] = (45 if near > 0.25 else 39), at(sign * 0.8 * r * front - 0.06 * r * turn, 0.08 * r)


def _between(p: np.ndarray, q: np.ndarray, length: float, *, mirrored: int = 1) -> np.ndarray:
    """The map that lays a limb of this length from p towards q, shortened as much as q is near."""
    along = q[:2] - p[:2]
    seen = float(np.sqrt(along[0] * along[0] + along[1] * along[1]))
    direction = along / seen if seen > 1e-9 else np.array([0.0, 1.0])
    stretch = max(seen / length, _SHORTEST)
    return np.array(
        [
            [direction[1] * mirrored, direction[0] * stretch, p[0]],
            [-direction[0] * mirrored, direction[1] * stretch, p[1]],
        ]
    )


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / max(float(np.sqrt((vector * vector).sum())), 1e-9)


def _narrowed(facing: np.ndarray, depth: float) -> float:
    """Seen width of an oval body of this depth over its width."""
    sine, cosine = facing
    return float(np.sqrt(cosine * cosine + depth * depth * sine * sine))
