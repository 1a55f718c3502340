"""Cloth: a colour, a pattern and folds, at any place of a garment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from maskreel.common.world._actors._noise import lattice, noise_at, triangle

Colour = tuple[float, float, float]
Pattern = Literal["plain", "stripes", "pinstripes", "plaid", "dots", "blocks", "zigzag", "flowers"]
_PATTERNS: tuple[Pattern, ...] = ("stripes", "pinstripes", "plaid", "dots", "blocks", "zigzag", "flowers")
_SHARP = 5.0  # how fast one colour of a pattern turns into the other, over its period


@dataclass(frozen=True)
class Cloth:
    """What garments are made from."""

    base: Colour
    accent: Colour
    pattern: Pattern
    period: float
    """Repeat of the pattern in body units."""
    folds: np.ndarray
    """float32 (16, 16), periodic noise."""

    def colour(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """float64 (h, w, 3): the cloth at coordinates x (1, w) and y (h, 1) in body units, unshaded."""
        share = np.clip(self._accent_share(x / self.period, y / self.period), 0, 1)[..., None]
        base, accent = np.array(self.base), np.array(self.accent)
        crease = noise_at(self.folds, x * 18.0 + 0.0 * y, y * 9.0 + 0.0 * x)
        weave = noise_at(self.folds, x * 150.0 + 0.0 * y, y * 150.0 + 0.0 * x)
        return (base + share * (accent - base)) * (1 + 0.1 * crease + 0.04 * weave)[..., None]

    def _accent_share(self, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        """How much of the accent colour shows, (h, w); u and v count periods."""
        across, along = _band(triangle(u)), _band(triangle(v))
        if self.pattern == "stripes":
            return along + 0 * u
        if self.pattern == "pinstripes":
            return np.clip((triangle(1.6 * u) - 0.75) * 8, 0, 1) + 0 * v
        if self.pattern == "plaid":
            thin = np.clip((triangle(2 * u + 0.25) - 0.86) * 9, 0, 1) + np.clip(
                (triangle(2 * v + 0.25) - 0.86) * 9, 0, 1
            )
            return 0.42 * across + 0.42 * along + 0.3 * thin
        if self.pattern == "dots":
            return _dots(u, v, 0.3)
        if self.pattern == "blocks":
            return np.clip((v - 1.9) * 12, 0, 1) + 0 * u
        if self.pattern == "zigzag":
            return _band(triangle(v + 0.45 * triangle(u)))
        if self.pattern == "flowers":
            return np.maximum(_dots(1.1 * u, 1.1 * v, 0.24), 0.7 * _dots(1.1 * u + 0.37, 1.1 * v + 0.21, 0.13))
        return np.zeros(np.broadcast_shapes(u.shape, v.shape))


def draw_cloth(rng: np.random.Generator, base: Colour, *, patterned: float) -> Cloth:
    """Cloth of this colour; `patterned` is the chance of a pattern."""
    pattern: Pattern = _PATTERNS[int(rng.integers(len(_PATTERNS)))] if rng.random() < patterned else "plain"
    light = 0.3 * base[0] + 0.59 * base[1] + 0.11 * base[2] > 140
    accent = hue(rng, (0.2, 0.9), (0.15, 0.5)) if light else hue(rng, (0.05, 0.7), (0.75, 0.98))
    return Cloth(base, accent, pattern, rng.uniform(0.045, 0.085), lattice(rng, 16, 16))


def hue(rng: np.random.Generator, saturation: tuple[float, float], value: tuple[float, float]) -> Colour:
    """A colour of any hue, 0 to 255."""
    turn, s, v = rng.uniform(0, 6), rng.uniform(*saturation), rng.uniform(*value)
    shares = (np.clip(abs((turn + shift) % 6 - 3) - 1, 0, 1) for shift in (0, 4, 2))
    red, green, blue = (float(255 * v * (1 - s + s * share)) for share in shares)
    return red, green, blue


def _band(t: np.ndarray) -> np.ndarray:
    return np.clip((t - 0.5) * _SHARP + 0.5, 0, 1)


def _dots(u: np.ndarray, v: np.ndarray, radius: float) -> np.ndarray:
    """Dots on a staggered lattice of period 1."""
    row = np.floor(v)
    du, dv = (u + 0.5 * (row % 2)) % 1 - 0.5, v - row - 0.5
    return np.clip((radius - np.sqrt(du * du + dv * dv)) * 8 + 0.5, 0, 1)
