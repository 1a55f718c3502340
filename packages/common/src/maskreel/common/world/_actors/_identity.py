"""Who an actor is: build, colours, hair and clothes, drawn from a seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from maskreel.common.world._actors._cloth import Cloth, Colour, draw_cloth, hue

if TYPE_CHECKING:
    import numpy as np

_SKINS = (
    (244, 206, 178),
    (232, 188, 156),
    (214, 164, 128),
    (188, 134, 98),
    (150, 102, 72),
    (112, 74, 52),
    (84, 56, 42),
)
_HAIRS = (
    (38, 30, 28), (24, 22, 24), (84, 54, 34), (122, 82, 48), (176, 134, 78), (214, 184, 130), (150, 62, 36),
    (150, 148, 148), (206, 204, 200), (176, 60, 98), (62, 84, 150),
)  # fmt: skip
_LEGWEAR = (
    (52, 70, 108), (38, 48, 76), (92, 112, 148), (44, 44, 50), (86, 82, 80), (150, 132, 100), (104, 84, 62),
    (98, 44, 50), (66, 78, 62),
)  # fmt: skip
_SHOES = ((34, 32, 34), (230, 230, 228), (150, 44, 44), (96, 62, 40), (52, 64, 104), (214, 176, 60))


@dataclass(frozen=True)
class Body:
    """Lengths in body units: a person of average height measures 1."""

    shoulders: float
    """From the middle to a shoulder joint."""
    hips: float
    trunk: float
    """From the hips up to the line of the shoulders."""
    neck: float
    """From the line of the shoulders to the middle of the head."""
    head: float
    """Half the height of the head."""
    upper_arm: float
    forearm: float
    thigh: float
    shin: float
    girth: float
    """Factor on the thickness of trunk and limbs."""

    @property
    def ankle(self) -> float:
        """Height of the ankle above the sole."""
        return 0.042


@dataclass(frozen=True)
class Identity:
    """Everything about the looks of an actor; nothing about where it is or what it does."""

    body: Body
    skin: Colour
    hair: Colour
    shoes: Colour
    eyes: Colour
    top: Cloth
    legs: Cloth
    hair_style: Literal["short", "long", "bob", "bun", "bald", "curly", "cap"]
    sleeves: Literal["short", "long"]
    legwear: Literal["trousers", "shorts", "skirt"]
    glasses: bool
    beard: bool
    scarf: Colour | None
    hat: Colour


def draw_identity(rng: np.random.Generator) -> Identity:
    """A random person."""
    body = _body(rng)
    hair_styles = ("short", "long", "bob", "bun", "bald", "curly", "cap")
    hair_style = hair_styles[int(rng.choice(7, p=(0.26, 0.2, 0.14, 0.1, 0.06, 0.14, 0.1)))]
    legwear = ("trousers", "shorts", "skirt")[int(rng.choice(3, p=(0.6, 0.2, 0.2)))]
    plain = _pick(_LEGWEAR, rng) if legwear != "skirt" or rng.random() < 0.4 else hue(rng, (0.4, 0.8), (0.35, 0.8))
    return Identity(
        body=body,
        skin=_pick(_SKINS, rng),
        hair=_pick(_HAIRS, rng),
        shoes=_pick(_SHOES, rng),
        eyes=_pick(((74, 50, 32), (58, 92, 132), (70, 104, 64), (40, 30, 26)), rng),
        top=draw_cloth(rng, hue(rng, (0.3, 0.9), (0.4, 0.95)), patterned=0.75),
        legs=draw_cloth(rng, plain, patterned=0.5 if legwear == "skirt" else 0.12),
        hair_style=hair_style,
        sleeves="short" if rng.random() < 0.45 else "long",
        legwear=legwear,
        glasses=bool(rng.random() < 0.25),
        beard=bool(rng.random() < (0.35 if hair_style in ("short", "bald", "cap") else 0.0)),
        scarf=hue(rng, (0.5, 0.9), (0.5, 0.9)) if rng.random() < 0.16 else None,
        hat=hue(rng, (0.4, 0.9), (0.3, 0.85)),
    )


def _body(rng: np.random.Generator) -> Body:
    tall, broad = rng.uniform(0.93, 1.05), rng.uniform(0.9, 1.12)
    leg, arm = rng.uniform(0.97, 1.04), rng.uniform(0.97, 1.03)
    return Body(
        shoulders=0.086 * broad * tall,
        hips=0.052 * rng.uniform(0.92, 1.12),
        trunk=0.27 * tall / leg,
        neck=0.115 * tall,
        head=0.084,
        upper_arm=0.15 * tall * arm,
        forearm=0.135 * tall * arm,
        thigh=0.225 * tall * leg,
        shin=0.215 * tall * leg,
        girth=broad * rng.uniform(0.94, 1.08),
    )


def _pick(table: tuple[tuple[int, int, int], ...], rng: np.random.Generator) -> Colour:
    """A colour of the table, a little off."""
    factor = rng.uniform(0.92, 1.08)
    red, green, blue = (min(c * factor * rng.uniform(0.98, 1.02), 250.0) for c in table[int(rng.integers(len(table)))])
    return red, green, blue
