"""Three lamps over the table, and how the floor and the objects look under them.

Colours are linear; the picture's values are their square roots (a display gamma of 2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from maskreel.common.world._table.vectors import Vectors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maskreel.common.world._classes import ObjectClass

__all__ = ["FLOOR", "Lamp", "Lighting", "albedo_of", "draw_lighting", "shade"]

FLOOR = np.float32(0.285)
"""Albedo of the floor."""
_AMBIENT = 0.27
_LAMPS = (  # position, radius of the disc, strength: key, fill and back light
    ((-9.0, -11.0, 15.0), 2.4, 0.52),
    ((11.0, -9.0, 13.0), 2.6, 0.24),
    ((3.0, 13.0, 15.0), 2.2, 0.22),
)
_DISC = ((0.0, 0.0), (0.71, 0.0), (0.22, 0.67), (-0.57, 0.42), (-0.57, -0.42), (0.22, -0.67), (0.55, 0.6), (-0.6, -0.1))
"""Points of a lamp's disc from which shadow rays come."""


@dataclass(frozen=True)
class Lamp:
    """A disc that shines down."""

    position: tuple[float, float, float]
    radius: float
    strength: float

    @property
    def points(self) -> list[tuple[float, float, float]]:
        """Points of the disc, the middle first."""
        x, y, z = self.position
        return [(x + u * self.radius, y + v * self.radius, z) for u, v in _DISC]

    def light(self, points: Vectors) -> tuple[Vectors, np.ndarray]:
        """Unit directions to the lamp, and its strength at the points, which falls with the squared distance."""
        away = Vectors.point(*self.position) - points
        squared = away.dot(away)
        reference = np.float32(sum(value * value for value in self.position))
        scale = 1 / np.sqrt(squared)
        return away * scale, np.float32(self.strength) * reference / squared


@dataclass(frozen=True)
class Lighting:
    """The lamps of a clip and the light that comes from everywhere."""

    lamps: tuple[Lamp, ...]
    ambient: float


def draw_lighting(rng: np.random.Generator, jitter: float) -> Lighting:
    """The three lamps, each a little off its place and strength."""
    lamps = []
    for position, radius, strength in _LAMPS:
        x, y, z = (value + jitter * float(rng.uniform(-0.8, 0.8)) for value in position)
        lamps.append(Lamp((x, y, z), radius, strength * (1 + jitter * float(rng.uniform(-0.08, 0.08)))))
    return Lighting(tuple(lamps), _AMBIENT)


def shade(
    kind: ObjectClass,
    points: Vectors,
    normals: Vectors,
    views: Vectors,
    lighting: Lighting,
    seen: Sequence[np.ndarray],
    mirrored: np.ndarray,
) -> np.ndarray:
    """Linear RGB (M, 3) of points of an object.

    Args:
        kind: Gives colour and material.
        points: Where, on the table.
        normals: Unit vectors outwards.
        views: Unit vectors from the camera to the points.
        lighting: The lamps.
        seen: For each lamp, how much of it is seen from each point, 0 to 1, (M,).
        mirrored: (M, 3) linear RGB of what the points mirror, lamps aside.
    """
    metal = kind.material == "metal"
    albedo = albedo_of(kind)
    up = normals.z * np.float32(0.5) + np.float32(0.5)
    near_floor = np.minimum(points.z * np.float32(2.2), 1)
    diffuse = (
        np.float32(lighting.ambient)
        * (np.float32(0.3) + np.float32(0.7) * up)
        * (np.float32(0.45) + np.float32(0.55) * near_floor)
    )
    shine = np.zeros_like(diffuse)
    reflected = views - normals * (2 * views.dot(normals))
    for lamp, visible in zip(lighting.lamps, seen, strict=True):
        direction, strength = lamp.light(points)
        strength = strength * visible
        diffuse = diffuse + strength * np.maximum(direction.dot(normals), 0)
        shine = shine + strength * _lobe(np.maximum(direction.dot(reflected), 0), metal)
    if metal:
        tint = np.float32(0.12) + np.float32(0.88) * albedo
        lit = diffuse[:, None] * (np.float32(0.3) * albedo)
        edge = 1 - np.maximum(-views.dot(normals), 0)  # flat angles mirror all colours alike (Schlick 1994)
        squared = edge * edge
        tint = tint + (1 - tint) * (squared * squared * edge)[:, None]
        return lit + np.float32(1.5) * mirrored * tint + shine[:, None] * (np.float32(0.35) + np.float32(0.65) * tint)
    return diffuse[:, None] * albedo + shine[:, None]


def albedo_of(kind: ObjectClass) -> np.ndarray:
    """float32 (3,): linear RGB; a little lighter than the colour's name, as in CLEVR's pictures."""
    return np.float32(1.3) * np.array([value * value for value in kind.rgb], np.float32) / np.float32(255 * 255)


def _lobe(cosine: np.ndarray, metal: bool) -> np.ndarray:
    """Highlight: tight and bright on metal, wide and faint on rubber."""
    squared = cosine * cosine
    fourth = squared * squared
    eighth = fourth * fourth
    if not metal:
        return np.float32(0.07) * eighth
    sixteenth = eighth * eighth
    sharp = sixteenth * sixteenth
    return np.float32(1.6) * sharp * sharp * sharp + np.float32(0.18) * eighth
