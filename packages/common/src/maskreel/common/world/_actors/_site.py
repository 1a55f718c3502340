"""The picture of a place while it is painted: coordinates, soft-edged shapes, floors in perspective."""

from __future__ import annotations

import numpy as np

from maskreel.common.world._actors._noise import blurred, lattice, noise_at, triangle

RGB = tuple[float, float, float]


class Site:
    """A canvas addressed in picture heights: y is 0 at the upper edge of the view and 1 at the lower one, x is 0 at
    the left edge and `width` at the right one."""

    def __init__(self, width: float, height_in_samples: float, margin: int, shape: tuple[int, int]) -> None:
        """`margin` is in samples, around the view on all sides."""
        self.width, self.unit = width, float(height_in_samples)
        self.x = ((np.arange(shape[1], dtype=np.float32) - margin + 0.5) / np.float32(self.unit))[None]
        self.y = ((np.arange(shape[0], dtype=np.float32) - margin + 0.5) / np.float32(self.unit))[:, None]
        self.colour = np.zeros((*shape, 3), np.float32)

    def part(self, x0: float, y0: float, x1: float, y1: float) -> tuple[tuple[slice, slice], np.ndarray, np.ndarray]:
        """The part of the canvas that holds a box, and its x (1, w) and y (h, 1)."""
        rows = slice(*np.searchsorted(self.y[:, 0], (y0 - 2 / self.unit, y1 + 2 / self.unit)).tolist())
        columns = slice(*np.searchsorted(self.x[0], (x0 - 2 / self.unit, x1 + 2 / self.unit)).tolist())
        return (rows, columns), self.x[:, columns], self.y[rows]

    def cover(self, depth: np.ndarray, soft: float = 0.0) -> np.ndarray:
        """Opacity of a shape from the distance to its edge (positive inside), with edges `soft` wide."""
        return np.clip(depth * np.float32(1 / max(soft, 1.2 / self.unit)) + np.float32(0.5), 0, 1)

    def lay(self, cover: np.ndarray, colour: np.ndarray | RGB, part: tuple[slice, slice] = np.s_[:, :]) -> None:
        """Paint a colour (3,) or (h, w, 3) over a part of the canvas."""
        target = self.colour[part]
        target += cover[..., None].astype(np.float32) * (np.asarray(colour, np.float32) - target)

    def shade(self, factor: np.ndarray, part: tuple[slice, slice] = np.s_[:, :]) -> None:
        """Multiply the brightness of a part of the canvas."""
        self.colour[part] *= np.asarray(factor, np.float32)[..., None]

    def box(self, x0: float, y0: float, x1: float, y1: float, colour: np.ndarray | RGB, soft: float = 0.0) -> None:
        """Paint a rectangle."""
        part, x, y = self.part(x0 - soft, y0 - soft, x1 + soft, y1 + soft)
        depth = np.minimum(np.minimum(x - x0, x1 - x), np.minimum(y - y0, y1 - y))
        self.lay(self.cover(depth, soft), colour, part)

    def disc(self, x: float, y: float, radius: float, colour: RGB, soft: float = 0.0, strength: float = 1.0) -> None:
        """Paint a disc."""
        part, px, py = self.part(x - radius - soft, y - radius - soft, x + radius + soft, y + radius + soft)
        depth = np.float32(radius) - np.sqrt((px - x) ** 2 + (py - y) ** 2)
        self.lay(strength * self.cover(depth, soft), colour, part)

    def glow(self, x: float, y: float, radius: float, colour: RGB, strength: float) -> None:
        """Add light that falls off from a point."""
        square = ((self.x - x) ** 2 + (self.y - y) ** 2) * np.float32(1 / (radius * radius))
        self.colour += (strength / (1 + square) / (1 + square))[..., None].astype(np.float32) * np.array(
            colour, np.float32
        )

    def ramp(self, top: RGB, bottom: RGB, y0: float = 0.0, y1: float = 1.0) -> np.ndarray:
        """float32 (h, 1, 3): a colour that changes from y0 down to y1."""
        share = np.clip((self.y - y0) / (y1 - y0), 0, 1)[..., None]
        return (np.array(top, np.float32) * (1 - share) + np.array(bottom, np.float32) * share).astype(np.float32)

    def soften(self, sigma: float, below: float | None = None) -> None:
        """Blur what is painted so far, like something out of focus; `sigma` in picture heights, `below` ends it."""
        end = len(self.y) if below is None else int(np.searchsorted(self.y[:, 0], below))
        self.colour[:end] = blurred(self.colour[:end], round(sigma * self.unit))

    def floor(self, horizon: float) -> tuple[tuple[slice, slice], np.ndarray, np.ndarray, np.ndarray]:
        """The canvas below a horizon, seen in perspective: its part, floor coordinates u (h, w) to the right and
        v (h, 1) to the back, both 1 for about a picture height at the lower edge, and how far away it is (h, 1)."""
        part, x, y = self.part(-9, horizon, 9 + self.width, 9)
        near = np.maximum((y - horizon) / (1 - horizon), np.float32(0.02))
        away = 1 / near
        return part, (x - self.width / 2) * away, away * np.float32(1.2), away


def ground_noise(rng: np.random.Generator, u: np.ndarray, v: np.ndarray, cell: float, octaves: int = 3) -> np.ndarray:
    """Noise on a floor: finer octaves fade where they would be finer than the picture."""
    total = np.zeros(np.broadcast_shapes(u.shape, v.shape), np.float32)
    for octave in range(octaves):
        size = cell / 2**octave
        fade = np.clip(size * 90 / (v * v), 0, 1)
        total += (noise_at(lattice(rng, 32, 32), u / size, v / size + 0 * u) * fade * 0.5**octave).astype(np.float32)
    return total


def tone(rng: np.random.Generator, site: Site) -> None:
    """What a lens and a film do: darker corners, a slight cast of colour, grain."""
    x, y = site.x / site.width - 0.5, site.y - 0.5
    site.shade(1 - rng.uniform(0.1, 0.45) * (x * x + y * y))
    site.colour *= rng.uniform(0.95, 1.05, 3).astype(np.float32)
    site.colour += (1.6 * rng.standard_normal(site.colour.shape[:2], np.float32))[..., None]


def joints(u: np.ndarray, period: float, away: np.ndarray) -> np.ndarray:
    """0 in the joints between boards or slabs of a floor, 1 beside them; they fade in the distance."""
    beside = np.clip(triangle(u / period) * period * 55 / away, 0, 1)
    return beside + (1 - beside) * np.clip((away - 3) / 6, 0, 1)


def times(colour: RGB | tuple[int, int, int], factor: float) -> RGB:
    """A brighter or darker colour."""
    red, green, blue = (min(factor * c, 255.0) for c in colour)
    return red, green, blue
