"""A painted body part: a small picture with opacity, to be laid into frames at any place, angle and stretch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from maskreel.common.world._actors._texels import corner

_RAMP = 1.5  # samples over which an edge goes from opaque to clear
_HALO_REACH = 0.03
_HALO = 0.34


@dataclass(frozen=True)
class Sprite:
    """Samples of a part, transparent at the border. Coordinates of a part are in body units, x across, y along it."""

    samples: np.ndarray
    """float32 (h, w, 4): RGB times opacity (0 to 255), and opacity (0 to 1)."""
    halo: np.ndarray
    """float32 (h, w): how much the part darkens what is behind it."""
    to_part: np.ndarray
    """float64 (3, 3), affine: from samples (column, row, 1) to coordinates of the part."""

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in samples."""
        return self.samples.shape[0], self.samples.shape[1]

    def covers(self, column: np.ndarray, row: np.ndarray) -> np.ndarray:
        """bool (n,): whether the part fills positions (n,) within the picture by half or more."""
        width = self.size[1]
        first, right, down = corner(width, column, row)
        opacity = self.opacity
        top, bottom = opacity.take(first), opacity.take(first + width)
        # the same operations as in painting, so that a pixel that shows the part is covered by it
        top += (opacity.take(first + 1) - top) * right
        bottom += (opacity.take(first + width + 1) - bottom) * right
        return top + (bottom - top) * down >= 0.5

    @cached_property
    def opacity(self) -> np.ndarray:
        """float32 (h * w,), contiguous."""
        return np.ascontiguousarray(self.samples[..., 3]).ravel()


class Easel:
    """Where a sprite is painted: layers of colour over each other, on a grid of coordinates of the part."""

    def __init__(self, box: tuple[float, float, float, float], density: float) -> None:
        """`box` is (x0, y0, x1, y1) of what will be painted, `density` samples per body unit."""
        x0, y0, x1, y1 = box
        margin = _HALO_REACH + 3 / density
        self.density = density
        self.origin = x0 - margin, y0 - margin
        width, height = (int(np.ceil((high - low + 2 * margin) * density)) for low, high in ((x0, x1), (y0, y1)))
        self.x = (self.origin[0] + (np.arange(width) + 0.5) / density)[None]
        self.y = (self.origin[1] + (np.arange(height) + 0.5) / density)[:, None]
        self.colour = np.zeros((height, width, 3))
        self.opacity = np.zeros((height, width))
        self.halo = np.zeros((height, width))

    def lay(self, depth: np.ndarray, colour: np.ndarray | tuple[float, ...], strength: float = 1.0) -> None:
        """Paint where `depth`, the distance to the edge in body units, is positive; `colour` (3,) or (h, w, 3)."""
        cover = (strength * np.clip(depth * (self.density / _RAMP) + 0.5, 0, 1))[..., None]
        self.colour += cover * (np.asarray(colour, np.float64) - self.colour)  # stays multiplied by the opacity
        self.opacity += cover[..., 0] * (1 - self.opacity)

    def tint(self, amount: np.ndarray, colour: tuple[float, ...]) -> None:
        """Mix a colour into what is there already, `amount` (h, w) in [0, 1]."""
        there = self.opacity[..., None] * np.array(colour, np.float64)
        self.colour += amount[..., None] * (there - self.colour)

    def shade_around(self, depth: np.ndarray, strength: np.ndarray | float = 1.0) -> None:
        """Let the part darken what lies behind it near its edge."""
        near = np.clip(1 + depth * (1 / _HALO_REACH), 0, 1)
        self.halo = np.maximum(self.halo, _HALO * strength * near * near)

    def sprite(self) -> Sprite:
        """What has been painted."""
        samples = np.concatenate([self.colour, self.opacity[..., None]], 2).astype(np.float32)
        halo = self.halo.astype(np.float32)
        for picture in (samples, halo):
            picture[[0, -1]] = 0
            picture[:, [0, -1]] = 0
        step = 1 / self.density
        to_part = np.array([[step, 0, self.origin[0] + 0.5 * step], [0, step, self.origin[1] + 0.5 * step], [0, 0, 1]])
        return Sprite(samples, halo, to_part)
