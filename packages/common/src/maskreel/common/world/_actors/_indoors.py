"""Places with a wall and a floor: a living room, a brick wall, a stage with lights out of focus."""

from __future__ import annotations

import numpy as np

from maskreel.common.world._actors._cloth import hue
from maskreel.common.world._actors._furniture import cabinet, lamp, plant, sofa
from maskreel.common.world._actors._noise import clouds, lattice, noise_at, rise, triangle
from maskreel.common.world._actors._site import RGB, Site, ground_noise, joints, times


def room(site: Site, rng: np.random.Generator) -> None:
    """A wall with paper, pictures, a window, furniture; boards, tiles or carpet below."""
    line = rng.uniform(0.66, 0.73)
    wall = hue(rng, (0.08, 0.4), (0.55, 0.9))
    site.colour[:] = site.ramp(times(wall, 1.04), times(wall, 0.86), 0, line)
    _wallpaper(site, rng, wall, line)
    site.shade(1 + 0.05 * clouds(rng, site.x, site.y, 0.3))
    window_x = rng.uniform(0.08, 0.3) * site.width if rng.random() < 0.5 else rng.uniform(0.7, 0.92) * site.width
    window = rng.random() < 0.75
    if window:
        _window(site, rng, window_x, line)
    _pictures(site, rng, line, clear_of=window_x if window else -1.0)
    _floor(site, rng, line)
    skirting = (235.0, 232.0, 224.0) if rng.random() < 0.7 else times(wall, 0.55)
    site.box(-1, line - 0.03, site.width + 1, line, skirting)
    site.box(-1, line - 0.003, site.width + 1, line + 0.004, times(skirting, 0.5), soft=0.006)
    for side in rng.permutation(2)[: int(rng.integers(1, 3))]:
        furniture = (sofa, plant, cabinet, lamp)[int(rng.integers(4))]
        furniture(site, rng, (0.14 + 0.72 * float(side)) * site.width, line)
    site.soften(0.0022)
    side = 0.0 if window_x < site.width / 2 else site.width
    site.glow(side, 0.25, 0.55 * site.width, (255, 244, 220), 0.16)


def bricks(site: Site, rng: np.random.Generator) -> None:
    """A wall of bricks, concrete slabs or planks, close by, over a pavement."""
    line = rng.uniform(0.68, 0.75)
    base = ((156, 84, 62), (188, 176, 158), (128, 122, 118), (206, 196, 182), (120, 86, 58))[int(rng.integers(5))]
    tall, wide = rng.choice([0.034, 0.045, 0.13]), rng.choice([2.4, 3.2])
    row = np.floor(site.y / tall)
    column = site.x / (tall * wide) + 0.5 * (row % 2)
    number = (np.floor(column) * 57 + row * 131) % 32
    tint = noise_at(lattice(rng, 32, 32), number, 0 * number + 3)
    u, v = column - np.floor(column), site.y / tall - row
    joint = np.minimum(np.minimum(u, 1 - u) * wide, np.minimum(v, 1 - v)) * tall
    stone = np.array(base, np.float32) * (0.95 + 0.16 * tint)[..., None]
    rough = 1 + 0.16 * clouds(rng, site.x, site.y, 0.02, 3) + 0.1 * clouds(rng, site.x, site.y, 0.4, 3)
    mortar = times((190.0, 184.0, 174.0), rng.uniform(0.5, 0.95))
    cover = site.cover(joint - 0.0028, 0.004)
    bevel = 1 + 0.14 * np.clip((0.35 - v) * 1.5, -0.4, 0.5)
    site.colour[:] = (np.array(mortar) * (1 - cover[..., None]) + stone * cover[..., None] * bevel[..., None]) * rough[
        ..., None
    ]
    if rng.random() < 0.6:
        _pictures(site, rng, line)
    part, u, v, away = site.floor(line - 0.04)
    ground = times((150.0, 146.0, 140.0), rng.uniform(0.6, 1.1))
    slabs = np.minimum(joints(u, 0.55, away), joints(v + 0 * u, 0.55, away))
    site.lay(
        site.cover(site.y[part[0]] - line) + 0 * u,
        np.array(ground) * (1 + 0.14 * ground_noise(rng, u, v, 0.3, 4))[..., None] * (0.72 + 0.28 * slabs)[..., None],
        part,
    )
    site.shade(1 - 0.35 * rise(site.y, line + 0.05, line) * (site.y >= line) + 0 * site.x)
    site.glow(rng.uniform(0, 1) * site.width, -0.1, 0.9, (255, 236, 205), 0.22)


def stage(site: Site, rng: np.random.Generator) -> None:
    """A dark or bright backdrop with blurred lights, and a floor that mirrors them."""
    line = rng.uniform(0.66, 0.74)
    top = hue(rng, (0.3, 0.75), (0.1, 0.4) if rng.random() < 0.6 else (0.5, 0.8))
    bottom = hue(rng, (0.2, 0.6), (0.3, 0.65))
    site.colour[:] = site.ramp(top, bottom, 0, line)
    site.shade(1 + 0.3 * clouds(rng, site.x, site.y, 0.5, 3))
    tints = [hue(rng, (0.2, 0.8), (0.8, 1.0)) for _ in range(3)]
    for _ in range(int(rng.integers(14, 34))):
        x, y, radius = rng.uniform(0, site.width), rng.uniform(0, line - 0.03), rng.uniform(0.015, 0.06)
        colour, strength = tints[int(rng.integers(3))], rng.uniform(0.15, 0.55)
        site.disc(x, y, radius, colour, soft=0.012, strength=strength)
        site.disc(x, y, radius * 0.82, times(colour, 0.9), soft=0.02, strength=0.35 * strength)
    _mirror(site, line, rng.uniform(0.3, 0.6))
    part, u, v, away = site.floor(line - 0.05)
    boards = joints(u, 0.4, away)
    below = np.clip((site.y[part[0]] - line) * site.unit, 0, 1)
    site.shade(1 - below * (1 - (0.8 + 0.2 * boards) * (1 + 0.1 * ground_noise(rng, u, v, 0.25, 3))), part)
    site.glow(site.width / 2, line + 0.18, 0.4, (255, 248, 235), 0.28)


def _wallpaper(site: Site, rng: np.random.Generator, wall: RGB, line: float) -> None:
    kind, period = int(rng.integers(5)), rng.uniform(0.05, 0.12)
    above = site.cover(line - site.y)
    other = times(wall, rng.uniform(0.84, 0.93) if rng.random() < 0.6 else 1.07)
    if kind == 0:
        site.lay(above * np.clip((triangle(site.x / period) - 0.5) * 14 + 0.5, 0, 1), other)
    elif kind == 1:
        du, dv = triangle(site.x / period + 0.5) - 1, triangle(site.y / period + 0.5) - 1
        site.lay(above * np.clip((0.42 - np.sqrt(du * du + dv * dv)) * 9, 0, 1), other)
    elif kind == 2:  # panels
        rail = np.minimum(np.abs(triangle(site.x / 0.36) - 0.06) * 0.18, np.abs(site.y - 0.44))
        low = rise(site.y, 0.435, 0.445) * above
        site.lay(low + 0 * site.x, times(other, 0.96))
        site.lay(np.clip(1 - rail * 260, 0, 1) * low, times(other, 0.8))
    elif kind == 3:
        site.lay(above * np.clip(clouds(rng, site.x, site.y, 0.09, 4) * 3, 0, 0.8), other)


def _window(site: Site, rng: np.random.Generator, x: float, line: float) -> None:
    half, y0, y1 = rng.uniform(0.11, 0.16), rng.uniform(0.08, 0.14), line - rng.uniform(0.2, 0.3)
    frame = (240.0, 238.0, 232.0) if rng.random() < 0.7 else (110.0, 78.0, 52.0)
    site.box(x - half - 0.022, y0 - 0.022, x + half + 0.026, y1 + 0.03, (60.0, 56.0, 52.0), soft=0.03)
    site.box(x - half - 0.02, y0 - 0.02, x + half + 0.02, y1 + 0.02, frame)
    part, px, py = site.part(x - half, y0, x + half, y1)
    sky = np.array((178, 212, 244), np.float32) * (1.1 - 0.25 * (py - y0) / (y1 - y0))[..., None] + 0 * px[..., None]
    trees = clouds(rng, px, py, 0.08, 4) + (py - y0) / (y1 - y0) * 2.4 - 1.5
    leaves = np.clip(trees * 4, 0, 1)[..., None]
    green = np.array((92, 138, 74), np.float32) * (1 + 0.5 * clouds(rng, px, py, 0.03, 3))[..., None]
    inside = site.cover(np.minimum(half - np.abs(px - x), np.minimum(py - y0, y1 - py)))
    site.lay(inside, sky * (1 - leaves) + green * leaves, part)
    site.box(x - 0.006, y0, x + 0.006, y1, frame)
    site.box(x - half, (y0 + y1) / 2 - 0.006, x + half, (y0 + y1) / 2 + 0.006, frame)
    site.box(x - half - 0.04, y1 + 0.02, x + half + 0.04, y1 + 0.036, times(frame, 0.9))
    if rng.random() < 0.6:
        cloth = hue(rng, (0.15, 0.6), (0.5, 0.9))
        for sign in (-1, 1):
            inner, outer = sorted((x + sign * (half - 0.02), x + sign * (half + 0.07)))
            part, px, py = site.part(inner, y0 - 0.05, outer, line - 0.06)
            depth = np.minimum(np.minimum(px - inner, outer - px), np.minimum(py - y0 + 0.05, line - 0.06 - py))
            folds = 0.78 + 0.3 * triangle((px - x) / 0.024 + 0.02 * py)
            site.lay(site.cover(depth), np.array(cloth) * (folds + 0 * py)[..., None], part)


def _pictures(site: Site, rng: np.random.Generator, line: float, clear_of: float = -1.0) -> None:
    """One to three framed pictures beside each other, none of them near `clear_of`."""
    places = np.arange(0.13, site.width, 0.25) + rng.uniform(-0.02, 0.02)
    free = places[np.abs(places - clear_of) > 0.32]
    for x in rng.permutation(free)[: int(rng.integers(1, 4))]:
        _picture(site, rng, float(x), rng.uniform(0.16, line - 0.32))


def _picture(site: Site, rng: np.random.Generator, x: float, y: float) -> None:
    half, tall = rng.uniform(0.05, 0.1), rng.uniform(0.05, 0.1)
    site.box(x - half, y - tall + 0.004, x + half + 0.006, y + tall + 0.008, (50.0, 46.0, 44.0), soft=0.014)
    site.box(
        x - half, y - tall, x + half, y + tall, ((48, 40, 36), (236, 232, 224), (150, 116, 62))[int(rng.integers(3))]
    )
    site.box(x - half + 0.01, y - tall + 0.01, x + half - 0.01, y + tall - 0.01, (238.0, 234.0, 226.0))
    part, px, py = site.part(x - half + 0.02, y - tall + 0.02, x + half - 0.02, y + tall - 0.02)
    one, two, three = (np.array(hue(rng, (0.2, 0.8), (0.3, 0.95)), np.float32) for _ in range(3))
    shapes = clouds(rng, px, py, 0.06, 3)
    mix = np.clip(shapes * 4 + 0.5, 0, 1)[..., None]
    blot = np.clip((0.035 - np.sqrt((px - x) ** 2 + (py - y) ** 2)) * 150, 0, 1)[..., None]
    image = (one * mix + two * (1 - mix)) * (1 - blot) + three * blot
    inside = np.minimum(half - 0.02 - np.abs(px - x), tall - 0.02 - np.abs(py - y))
    site.lay(site.cover(inside), image, part)


def _floor(site: Site, rng: np.random.Generator, line: float) -> None:
    part, u, v, away = site.floor(line - rng.uniform(0.1, 0.2))
    below = site.cover(site.y[part[0]] - line) + 0 * u
    base = ((168, 118, 74), (128, 84, 52), (196, 160, 116), (150, 146, 142), (104, 96, 92))[int(rng.integers(5))]
    kind = int(rng.integers(3))
    if kind == 0:  # boards
        wide = rng.uniform(0.12, 0.2)
        board = np.floor(u / wide)
        tint = noise_at(lattice(rng, 32, 32), board * 7.0, np.floor(v / 1.4 + 0.37 * board) * 5.0)
        grain = ground_noise(rng, u * 6, v * 0.6, 0.3, 3)
        bright = (0.97 + 0.13 * tint + 0.07 * grain) * (0.6 + 0.4 * joints(u, wide, away))
    elif kind == 1:  # tiles
        size = rng.uniform(0.28, 0.5)
        chequered = (np.floor(u / size) + np.floor(v / size)) % 2
        gaps = np.minimum(joints(u, size, away), joints(v + 0 * u, size, away))
        bright = (
            (0.9 + 0.2 * chequered * (rng.random() < 0.6))
            * (0.7 + 0.3 * gaps)
            * (1 + 0.05 * ground_noise(rng, u, v, 0.2, 3))
        )
    else:  # carpet
        base = hue(rng, (0.1, 0.5), (0.35, 0.75))
        bright = 1 + 0.1 * ground_noise(rng, u, v, 0.05, 2) + 0.05 * ground_noise(rng, u, v, 0.8, 2)
    light = 1.1 - 0.25 * np.clip(away / 6, 0, 1)
    site.lay(below, np.array(base, np.float32) * (bright * light)[..., None], part)


def _mirror(site: Site, line: float, strength: float) -> None:
    """Below the line show what is above it, dimmed."""
    first = int(np.searchsorted(site.y[:, 0], line))
    count = len(site.y) - first
    rows = np.clip(first - 1 - np.arange(count), 0, None)
    site.colour[first:] = site.colour[rows] * np.float32(strength) + 26
    site.soften(0.004)
