"""Furniture that stands before a wall: `x` is its middle, `line` where the floor begins, in picture heights."""

from __future__ import annotations

import numpy as np

from maskreel.common.world._actors._cloth import hue
from maskreel.common.world._actors._noise import clouds
from maskreel.common.world._actors._site import RGB, Site, times


def sofa(site: Site, rng: np.random.Generator, x: float, line: float) -> None:
    """A sofa with cushions."""
    colour = hue(rng, (0.2, 0.65), (0.3, 0.7))
    low, half = line + 0.06, 0.24
    _ground_shadow(site, x, low, half + 0.02)
    _cushion(site, rng, x - half, low - 0.27, x + half, low - 0.06, times(colour, 0.9), 0.05)
    for k in (-1, 1):
        _cushion(
            site, rng, x + k * half / 2 - half / 2, low - 0.135, x + k * half / 2 + half / 2, low - 0.03, colour, 0.03
        )
        _cushion(site, rng, x + k * half - 0.045, low - 0.19, x + k * half + 0.045, low, times(colour, 0.96), 0.04)
    accent = hue(rng, (0.4, 0.9), (0.6, 0.95))
    _cushion(site, rng, x - 0.1, low - 0.21, x + 0.02, low - 0.1, accent, 0.03)


def _cushion(
    site: Site, rng: np.random.Generator, x0: float, y0: float, x1: float, y1: float, colour: RGB, corner: float
) -> None:
    """A rounded soft box."""
    part, x, y = site.part(x0, y0, x1, y1)
    dx, dy = np.abs(x - (x0 + x1) / 2) - (x1 - x0) / 2 + corner, np.abs(y - (y0 + y1) / 2) - (y1 - y0) / 2 + corner
    depth = corner - np.sqrt(np.maximum(dx, 0) ** 2 + np.maximum(dy, 0) ** 2)
    shade = (
        0.72 + 0.34 * np.clip(depth / corner, 0, 1) - 0.25 * (y - y0) / (y1 - y0) + 0.05 * clouds(rng, x, y, 0.03, 2)
    )
    site.lay(site.cover(depth), np.array(colour, np.float32) * shade[..., None], part)


def plant(site: Site, rng: np.random.Generator, x: float, line: float) -> None:
    """A plant in a pot."""
    low, pot = line + 0.05, hue(rng, (0.1, 0.6), (0.4, 0.9))
    _ground_shadow(site, x, low, 0.08)
    part, px, py = site.part(x - 0.07, low - 0.13, x + 0.07, low)
    outline = 0.05 + 0.12 * (low - py) - np.abs(px - x)
    shade = 1.05 - 7 * np.abs(px - x + 0.015)
    site.lay(
        site.cover(np.minimum(outline, np.minimum(py - low + 0.13, low - py))),
        np.array(pot) * (shade + 0 * py)[..., None],
        part,
    )
    for _ in range(int(rng.integers(22, 34))):
        angle, long = rng.uniform(-0.42, 0.42), rng.uniform(0.1, 0.28)
        tip = x + long * angle * 1.9, low - 0.13 - long * (1 - 0.7 * abs(angle))
        green = times(((70, 128, 62), (52, 104, 60), (104, 146, 72))[int(rng.integers(3))], rng.uniform(0.7, 1.2))
        _leaf(site, (x, low - 0.13), tip, green)


def _leaf(site: Site, root: tuple[float, float], tip: tuple[float, float], colour: RGB) -> None:
    (x0, y0), (x1, y1) = root, tip
    part, x, y = site.part(min(x0, x1) - 0.03, min(y0, y1) - 0.03, max(x0, x1) + 0.03, max(y0, y1) + 0.03)
    dx, dy = x1 - x0, y1 - y0
    square = dx * dx + dy * dy
    t = np.clip(((x - x0) * dx + (y - y0) * dy) / square, 0, 1)
    away_x, away_y = x - x0 - t * dx, y - y0 - t * dy
    wide = 0.003 + 0.085 * t * t * (1 - t)
    side = np.where(away_x * dy - away_y * dx > 0, 1.15, 0.85)
    distance = np.sqrt(away_x * away_x + away_y * away_y)
    site.lay(site.cover(wide - distance), np.array(colour) * side[..., None], part)


def cabinet(site: Site, rng: np.random.Generator, x: float, line: float) -> None:
    """Shelves with books."""
    low, half, tall = line + 0.05, rng.uniform(0.1, 0.17), rng.uniform(0.18, 0.46)
    wood = times(((150, 104, 66), (226, 222, 214), (94, 66, 46))[int(rng.integers(3))], rng.uniform(0.85, 1.05))
    _ground_shadow(site, x, low, half + 0.02)
    site.box(x - half, low - tall, x + half, low, times(wood, 0.92))
    shelves = 3 if tall > 0.3 else 2
    for k in range(shelves):
        y0, y1 = low - tall + 0.012 + k * (tall - 0.02) / shelves, low - tall + (k + 1) * (tall - 0.02) / shelves
        site.box(x - half + 0.012, y0, x + half - 0.012, y1, times(wood, 0.5))
        spine = x - half + 0.016
        while spine < x + half - 0.03:
            thick, high = rng.uniform(0.008, 0.02), rng.uniform(0.6, 0.95) * (y1 - y0)
            site.box(spine, y1 - high, spine + thick, y1, hue(rng, (0.2, 0.7), (0.3, 0.85)))
            spine += thick + (0.001 if rng.random() < 0.8 else 0.03)
    site.box(x - half - 0.006, low - tall - 0.012, x + half + 0.006, low - tall, times(wood, 1.1))


def lamp(site: Site, rng: np.random.Generator, x: float, line: float) -> None:
    """A lit standard lamp."""
    low, high = line + 0.04, line - 0.42
    _ground_shadow(site, x, low, 0.06)
    site.box(x - 0.0035, high, x + 0.0035, low, (58.0, 54.0, 52.0))
    site.disc(x, low, 0.012, (52.0, 48.0, 46.0))
    part, px, py = site.part(x - 0.1, high - 0.07, x + 0.1, high + 0.06)
    depth = np.minimum(0.06 + 0.3 * (py - high) - np.abs(px - x), np.minimum(py - high + 0.07, high + 0.06 - py))
    warm = np.array(hue(rng, (0.1, 0.35), (0.9, 1.0)), np.float32) * (1.1 - 3 * np.abs(px - x) + 0 * py)[..., None]
    site.lay(site.cover(depth), warm, part)
    site.glow(x, high, 0.2, (255, 226, 170), 0.34)


def _ground_shadow(site: Site, x: float, y: float, half: float) -> None:
    part, px, py = site.part(x - 1.3 * half, y - 0.04, x + 1.3 * half, y + 0.04)
    inside = np.clip(1 - ((px - x) / (1.25 * half)) ** 2 - ((py - y) / 0.03) ** 2, 0, 1)
    site.shade(1 - 0.55 * inside, part)
