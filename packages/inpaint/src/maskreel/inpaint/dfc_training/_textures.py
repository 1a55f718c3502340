"""Random surfaces and outlines, from plain walls to dense patterns and from boxes to people."""

from __future__ import annotations

import cv2
import numpy as np

__all__ = ["noise", "shape", "texture"]


def noise(
    rng: np.random.Generator, size: tuple[int, int], coarsest: int, octaves: int, fall: float = 0.6
) -> np.ndarray:
    """float32 (H, W): smooth noise of about unit deviation; cells of `coarsest` pixels and `octaves` halvings."""
    height, width = size
    total, weight = np.zeros(size, np.float32), 0.0
    for octave in range(octaves):
        cell = max(1, coarsest >> octave)
        grid = rng.normal(0, 1, (height // cell + 2, width // cell + 2)).astype(np.float32)
        total += fall**octave * cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
        weight += fall ** (2 * octave)
    return total / np.float32(np.sqrt(weight))


def texture(rng: np.random.Generator, size: tuple[int, ...]) -> np.ndarray:
    """float32 (H, W, 3), about 0 to 255: noise, stripes and blocks of a contrast that may be nearly nothing."""
    height, width = size[:2]
    contrast = float(np.exp(rng.uniform(np.log(4), np.log(60))))
    coarsest = int(2 ** rng.integers(3, 8))
    field = noise(rng, (height, width), coarsest, int(rng.integers(2, 7)), rng.uniform(0.5, 0.9))
    if rng.random() < 0.3:
        rows, columns = np.mgrid[:height, :width].astype(np.float32)
        angle, period = rng.uniform(0, np.pi), rng.uniform(6, 60)
        field = field * 0.5 + np.sign(np.sin((columns * np.cos(angle) + rows * np.sin(angle)) * 2 * np.pi / period))
    if rng.random() < 0.5:
        _add_blocks(rng, field)
    colour = rng.uniform(40, 215, 3).astype(np.float32)
    tint = rng.normal(1, 0.2, 3).astype(np.float32)
    return np.clip(colour + contrast * field[..., None] * tint, 0, 255).astype(np.float32)


def shape(rng: np.random.Generator, tall: int) -> np.ndarray:
    """float32 (h, w) opacity of an outline that is `tall` pixels high: box, ellipse, blob or person."""
    kind = rng.choice(["box", "ellipse", "blob", "person"], p=[0.25, 0.2, 0.25, 0.3])
    wide = max(6, round(tall * (rng.uniform(0.3, 0.55) if kind == "person" else rng.uniform(0.3, 2.0))))
    canvas = np.zeros((tall, wide), np.uint8)
    if kind == "box":
        canvas[1:-1, 1:-1] = 255
    elif kind == "ellipse":
        cv2.ellipse(canvas, (wide // 2, tall // 2), (max(1, wide // 2 - 1), max(1, tall // 2 - 1)), 0, 0, 360, 255, -1)
    elif kind == "blob":
        rows, columns = np.mgrid[-1 : 1 : tall * 1j, -1 : 1 : wide * 1j]
        edge = 0.55 + 0.22 * noise(rng, (tall, wide), max(4, tall // 3), 3)
        canvas[np.hypot(rows, columns) < edge] = 255
    else:
        _draw_person(rng, canvas)
    return cv2.GaussianBlur(canvas, (3, 3), 0).astype(np.float32) / 255


def _add_blocks(rng: np.random.Generator, field: np.ndarray) -> None:
    """Rectangles such as windows, pictures and lines of writing, in place."""
    height, width = field.shape
    for _ in range(rng.integers(2, 30)):
        tall, wide = (max(2, int(side * np.exp(rng.uniform(-4, -1.2)))) for side in (height, width))
        y, x = rng.integers(0, height), rng.integers(0, width)
        field[y : y + tall, x : x + wide] += rng.normal(0, 1.5)


def _draw_person(rng: np.random.Generator, canvas: np.ndarray) -> None:
    tall, wide = canvas.shape
    middle = wide / 2

    def limb(start: tuple[float, float], end: tuple[float, float], thick: float) -> None:
        (x0, y0), (x1, y1) = start, end
        ends = (round(x0 * wide), round(y0 * tall)), (round(x1 * wide), round(y1 * tall))
        cv2.line(canvas, *ends, 255, max(2, round(thick * wide)))

    cv2.circle(canvas, (round(middle), round(tall * 0.1)), max(2, round(tall * 0.08)), 255, -1)
    trunk = (round(middle), round(tall * 0.36)), (max(2, round(wide * 0.24)), max(3, round(tall * 0.21)))
    cv2.ellipse(canvas, *trunk, 0, 0, 360, 255, -1)
    for side in (-1, 1):
        limb((0.5 + side * 0.12, 0.5), (0.5 + side * rng.uniform(0.05, 0.3), 0.98), 0.17)
        elbow = 0.5 + side * rng.uniform(0.2, 0.42), rng.uniform(0.3, 0.5)
        limb((0.5 + side * 0.18, 0.22), elbow, 0.12)
        limb(elbow, (0.5 + side * rng.uniform(0.0, 0.45), rng.uniform(0.15, 0.65)), 0.1)
