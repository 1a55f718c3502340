"""Places under the sky: a park, a street, a beach."""

from __future__ import annotations

import numpy as np

from maskreel.common.world._actors._cloth import hue
from maskreel.common.world._actors._noise import clouds, lattice, noise_at, rise, triangle
from maskreel.common.world._actors._site import RGB, Site, ground_noise, joints, times

_SKIES = (
    ((92, 150, 214), (206, 226, 240)), ((120, 160, 204), (232, 226, 212)), ((104, 112, 156), (244, 190, 150)),
    ((150, 168, 186), (214, 218, 222)), ((66, 124, 196), (176, 212, 238)),
)  # fmt: skip


def park(site: Site, rng: np.random.Generator) -> None:
    """Hills, trees and a lawn with a path."""
    line = rng.uniform(0.6, 0.68)
    haze = _sky(site, rng, line)
    season = ((74, 116, 56), (98, 128, 62), (150, 112, 52), (62, 104, 70))[int(rng.integers(4))]
    for k in range(3):
        top = line - 0.16 + 0.06 * k
        share = 0.62 - 0.24 * k
        colour = np.array(season) * (1 - share) + np.array(haze) * share
        _ridge(site, rng, top, colour, rough=0.02 + 0.012 * k)
    _lawn(site, rng, line, season)
    for side in rng.permutation(4)[: int(rng.integers(1, 4))]:
        x = (0.02 + 0.32 * float(side) + rng.uniform(-0.06, 0.06)) * site.width
        _tree(site, rng, x, line + rng.uniform(0.0, 0.07), season)
    site.soften(0.0035, below=line + 0.02)
    site.glow(rng.uniform(0, 1) * site.width, 0.05, 0.5, (255, 240, 205), 0.18)


def street(site: Site, rng: np.random.Generator) -> None:
    """Houses in a row behind a pavement."""
    line = rng.uniform(0.66, 0.73)
    _sky(site, rng, line)
    x = -0.2
    while x < site.width + 0.2:
        wide = rng.uniform(0.2, 0.42)
        _house(site, rng, x, wide, line)
        x += wide
    if rng.random() < 0.7:
        season = ((74, 116, 56), (150, 112, 52), (98, 128, 62))[int(rng.integers(3))]
        _tree(site, rng, rng.choice([0.06, 0.94]) * site.width, line + 0.02, season)
    site.soften(0.0045, below=line + 0.01)
    part, u, v, away = site.floor(line - 0.12)
    below = site.cover(site.y[part[0]] - line) + 0 * u
    asphalt = np.array((142, 140, 138), np.float32) * rng.uniform(0.65, 1.1)
    slabs = np.minimum(joints(u, 0.5, away), joints(v + 0 * u, 0.5, away))
    tint = noise_at(lattice(rng, 32, 32), np.floor(u / 0.5), np.floor(v / 0.5) + 0 * u)
    bright = (0.74 + 0.26 * slabs) * (1 + 0.07 * tint + 0.16 * ground_noise(rng, u, v, 0.16, 4))
    site.lay(below, asphalt * bright[..., None], part)
    kerb = rng.uniform(0.02, 0.04)
    site.box(-1, line, site.width + 1, line + kerb, tuple(0.62 * asphalt))
    site.box(-1, line + kerb - 0.008, site.width + 1, line + kerb, tuple(1.2 * asphalt))


def beach(site: Site, rng: np.random.Generator) -> None:
    """Sea and sand."""
    line, shore = rng.uniform(0.42, 0.5), rng.uniform(0.62, 0.68)
    haze = _sky(site, rng, line)
    if rng.random() < 0.6:
        _ridge(site, rng, line - 0.04, 0.5 * np.array(haze) + 0.5 * np.array((84, 108, 104)), rough=0.03)
    deep, shallow = ((38, 92, 138), (92, 170, 178)) if rng.random() < 0.6 else ((64, 88, 110), (130, 156, 158))
    part, x, y = site.part(-9, line, 9, shore + 0.06)
    share = ((y - line) / (shore - line))[..., None]
    water = np.array(deep, np.float32) * (1 - share) + np.array(shallow, np.float32) * share
    stretch = clouds(rng, x, (y - line) * (y - line) * 3 + 0.2 * y, 0.012, 3, stretch=7)
    crest = np.clip(stretch - 0.25, 0, 1) * 1.5
    sea = water * (1 + 0.2 * stretch)[..., None] + 90 * crest[..., None]
    site.lay(site.cover(y - line) + 0 * x, sea, part)
    part, u, v, _ = site.floor(line - 0.02)
    x, y = site.x[:, part[1]], site.y[part[0]]
    edge = (
        shore
        + 0.02 * noise_at(lattice(rng, 16, 16), x * 4.0, 0 * x)
        + 0.006 * noise_at(lattice(rng, 16, 16), x * 17.0, 0 * x)
    )
    foam = np.clip(1 - np.abs(y - edge + 0.004) * 90, 0, 1)
    sand = np.array((222, 196, 150), np.float32) * rng.uniform(0.82, 1.04)
    wet = 0.72 + 0.28 * rise(y - edge, 0.0, 0.07)
    ripples = 1 + 0.1 * ground_noise(rng, u, v * 2.5, 0.3, 4) + 0.06 * ground_noise(rng, u, v, 0.05, 2)
    site.lay(site.cover(y - edge), sand * (wet * ripples)[..., None], part)
    site.lay(foam * (0.6 + 0.4 * clouds(rng, x, y, 0.03, 3)), (246.0, 248.0, 246.0), part)
    site.soften(0.002, below=line + 0.02)


def _sky(site: Site, rng: np.random.Generator, line: float) -> RGB:
    """Paint the sky and say which colour it has at the horizon."""
    top, low = _SKIES[int(rng.integers(len(_SKIES)))]
    site.colour[:] = site.ramp(top, low, 0, line)
    cloud = clouds(rng, site.x, site.y * 1.8, 0.32, 5, stretch=1.6)
    cover = np.clip((cloud - rng.uniform(-0.15, 0.2)) * 2.4, 0, 1) * rise(site.y, line, line - 0.3)
    lit = np.clip(0.86 + 0.3 * clouds(rng, site.x, site.y, 0.12, 3), 0.7, 1.05)
    site.lay(0.85 * cover, np.array((250, 248, 244), np.float32) * lit[..., None])
    return low


def _ridge(site: Site, rng: np.random.Generator, top: float, colour: np.ndarray, rough: float) -> None:
    x, values = site.x, lattice(rng, 16, 64)
    edge = (
        top
        + 0.045 * noise_at(values, x * 2.2, 0 * x)
        + sum(rough * 0.5**k * noise_at(values, x * (9.0 * 2**k), 0 * x + 2 + k) for k in range(3))
    )
    texture = 1 + 0.3 * clouds(rng, x, site.y, 0.03, 3) - 0.6 * np.clip(site.y - edge, 0, 0.3)
    site.lay(site.cover(site.y - edge), np.asarray(colour, np.float32) * texture[..., None])


def _lawn(site: Site, rng: np.random.Generator, line: float, season: tuple[int, int, int]) -> None:
    part, u, v, away = site.floor(line - 0.03)
    below = site.cover(
        site.y[part[0]] - line - 0.004 * noise_at(lattice(rng, 8, 64), site.x[:, part[1]] * 30, 0 * site.x[:, part[1]])
    )
    green = np.array(season, np.float32) * np.array((1.15, 1.25, 0.95), np.float32)
    blades = ground_noise(rng, u * 4, v, 0.12, 4)
    patches = ground_noise(rng, u, v, 1.2, 3)
    bright = 1 + 0.28 * blades + 0.16 * patches + 0.1 * np.clip(away / 8, 0, 1)
    site.lay(below, green * bright[..., None], part)
    if rng.random() < 0.65:
        middle, wide = rng.uniform(-0.5, 0.5), rng.uniform(0.3, 0.5)
        bend = rng.uniform(-0.4, 0.4)
        edge = wide - np.abs(u - middle - bend * (v - 1.2)) + 0.08 * ground_noise(rng, u, v, 0.2, 2)
        gravel = np.array((196, 178, 150), np.float32) * (1 + 0.2 * ground_noise(rng, u, v, 0.08, 3))[..., None]
        site.lay(below * np.clip(edge * 14 / away, 0, 1), gravel, part)
    bloom = np.clip(noise_at(lattice(rng, 64, 64), u * 30, v * 20 + 0 * u) - 0.76, 0, 1) * np.clip(
        5 / (away * away), 0, 1
    )
    site.lay(np.clip(bloom * 9, 0, 1) * below, hue(rng, (0.1, 0.8), (0.9, 1.0)), part)


def _tree(site: Site, rng: np.random.Generator, x: float, low: float, season: tuple[int, int, int]) -> None:
    tall, crown = rng.uniform(0.32, 0.5), rng.uniform(0.13, 0.2)
    part, px, py = site.part(x - 1.6 * crown, low - 0.03, x + 1.6 * crown, low + 0.03)
    site.shade(1 - 0.4 * np.clip(1 - ((px - x) / (1.4 * crown)) ** 2 - ((py - low) / 0.025) ** 2, 0, 1), part)
    part, px, py = site.part(x - 0.05, low - tall, x + 0.05, low)
    bark = np.array((92, 70, 54), np.float32) * (0.9 - 8 * (px - x) + 0.3 * clouds(rng, px, py, 0.015, 3))[..., None]
    wide = 0.014 + 0.03 * np.clip(1 - (low - py) / 0.06, 0, 1) - np.abs(px - x - 0.01 * triangle(py * 3))
    site.lay(site.cover(np.minimum(wide, low - py)), bark, part)
    middle = low - tall
    part, px, py = site.part(x - 1.3 * crown, middle - 1.3 * crown, x + 1.3 * crown, middle + 1.3 * crown)
    leaves = clouds(rng, px, py, 0.07, 4)
    round_ = crown * (1 + 0.5 * leaves) - np.sqrt((px - x) ** 2 + (1.15 * (py - middle)) ** 2)
    light = 0.85 + 0.5 * clouds(rng, px, py, 0.035, 3) - 1.3 * (py - middle) - 0.7 * (px - x)
    site.lay(site.cover(round_, 0.006), np.array(season, np.float32) * np.clip(light, 0.4, 1.7)[..., None], part)


def _house(site: Site, rng: np.random.Generator, x: float, wide: float, line: float) -> None:
    top = line - rng.uniform(0.36, 0.72)
    wall = hue(rng, (0.08, 0.45), (0.45, 0.85))
    part, px, py = site.part(x, top, x + wide, line)
    rough = 0.98 + 0.1 * clouds(rng, px, py, 0.05, 4) - 0.22 * (py - top)
    depth = np.minimum(np.minimum(px - x, x + wide - px), np.minimum(py - top, line - py))
    site.lay(site.cover(depth), np.array(wall, np.float32) * rough[..., None], part)
    site.box(x - 0.005, top - 0.018, x + wide + 0.005, top, times(wall, 0.6))
    columns, tall = int(rng.integers(2, 5)), rng.uniform(0.055, 0.08)
    pitch, y = wide / columns, top + 0.04
    while y + tall < line - 0.15:
        for k in range(columns):
            _pane(site, rng, x + (k + 0.28) * pitch, y, x + (k + 0.72) * pitch, y + tall)
        y += tall * 1.75
    _shop(site, rng, x, wide, line)


def _pane(site: Site, rng: np.random.Generator, x0: float, y0: float, x1: float, y1: float) -> None:
    glass = (250, 214, 142) if rng.random() < 0.16 else (72, 88, 106) if rng.random() < 0.7 else (150, 176, 198)
    site.box(x0 - 0.006, y0 - 0.006, x1 + 0.006, y1 + 0.008, (226.0, 222.0, 214.0))
    part, px, py = site.part(x0, y0, x1, y1)
    shine = 0.85 + 0.5 * np.clip(1 - np.abs((px - x0) / (x1 - x0) + (py - y0) / (y1 - y0) - 0.8) * 4, 0, 1)
    depth = np.minimum(np.minimum(px - x0, x1 - px), np.minimum(py - y0, y1 - py))
    site.lay(site.cover(depth), np.array(glass, np.float32) * shine[..., None], part)
    site.box((x0 + x1) / 2 - 0.002, y0, (x0 + x1) / 2 + 0.002, y1, (214.0, 210.0, 202.0))


def _shop(site: Site, rng: np.random.Generator, x: float, wide: float, line: float) -> None:
    """The ground floor: an awning over a shop window, and a door."""
    colour = hue(rng, (0.4, 0.85), (0.4, 0.85))
    x0, x1, door = x + 0.03, x + wide - 0.03, rng.uniform(0.045, 0.06)
    _pane(site, rng, x0, line - 0.115, x1 - door - 0.02, line - 0.025)
    site.box(x1 - door, line - 0.13, x1, line, times(colour, 0.6))
    site.disc(x1 - 0.2 * door, line - 0.06, 0.004, (226.0, 196.0, 120.0))
    part, px, py = site.part(x0 - 0.01, line - 0.155, x1 + 0.01, line - 0.12)
    stripes = np.where(triangle(px / 0.03) > 0.5, 1.0, 0.0)[..., None] + 0 * py[..., None]
    cloth = np.array(colour, np.float32) * (1 - stripes) + np.array((240, 236, 228), np.float32) * stripes
    depth = np.minimum(np.minimum(px - x0 + 0.01, x1 + 0.01 - px), np.minimum(py - line + 0.155, line - 0.12 - py))
    site.lay(site.cover(depth), cloth * (1.0 - 5 * (py - line + 0.155))[..., None], part)
