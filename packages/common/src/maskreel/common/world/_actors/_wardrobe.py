"""All sprites of one actor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maskreel.common.world._actors import _head, _limbs, _trunk

if TYPE_CHECKING:
    from maskreel.common.world._actors._identity import Identity
    from maskreel.common.world._actors._sprite import Sprite

PARTS = (
    "hair behind", "right ear", "left ear", "neck", "skull", "face", "hair before", "torso", "hips",
    "right thigh", "right shin", "right shoe", "left thigh", "left shin", "left shoe",
    "right upper arm", "right forearm", "right hand", "left upper arm", "left forearm", "left hand",
)  # fmt: skip
"""The parts of an actor; their place here is their number."""

_LIMBS = {
    "thigh": _limbs.thigh,
    "shin": _limbs.shin,
    "shoe": _limbs.shoe,
    "upper arm": _limbs.upper_arm,
    "forearm": _limbs.forearm,
    "hand": _limbs.hand,
}


def dress(who: Identity, density: float) -> dict[str, Sprite]:
    """The sprite of every part that this person has, painted with `density` samples per body unit."""
    sprites = {name: paint(who, density) for name, paint in _LIMBS.items()}
    sides = {f"{side} {name}": sprite for name, sprite in sprites.items() for side in ("right", "left")}
    ear = _head.ear(who, density)
    found = sides | {
        "right ear": ear,
        "left ear": ear,
        "neck": _trunk.neck(who, density),
        "skull": _head.skull(who, density),
        "face": _head.face(who, density),
        "torso": _trunk.torso(who, density),
        "hips": _trunk.hips(who, density),
        "hair behind": _head.hair_behind(who, density),
        "hair before": _head.hair_before(who, density),
    }
    return {name: sprite for name, sprite in found.items() if sprite is not None}
