"""Made-up pictures: textures, boards with lines of text, panelled rooms, overlapping things ("dead leaves").

Overlapping things with a power law of sizes have the statistics of photographs (Lee, Mumford and Huang, IJCV 2001), and
networks learn from them nearly what they learn from photographs (Baradad et al., NeurIPS 2021).
"""

from __future__ import annotations

import cv2
import numpy as np

from maskreel.inpaint.generator._patterns import PATTERNS, fractal, ramp

__all__ = ["made_picture"]

Size = tuple[int, int]


def made_picture(rng: np.random.Generator, size: Size) -> np.ndarray:
    """A random picture, uint8 (H, W, 3)."""
    kinds = (_texture, _texture, _board, _room, _leaves, _leaves, _edges)
    picture = kinds[int(rng.integers(len(kinds)))](rng, size)
    return _photographed(rng, picture)


def _texture(rng: np.random.Generator, size: Size) -> np.ndarray:
    """One pattern in two colours, sometimes through a second one, sometimes seen at a slant."""
    picture = _coloured(rng, _pattern(rng, size))
    if rng.random() < 0.4:
        weight = rng.uniform(0.1, 0.5)
        picture = (1 - weight) * picture + weight * _coloured(rng, _pattern(rng, size))
    return _tilted(rng, picture) if rng.random() < 0.4 else picture


def _board(rng: np.random.Generator, size: Size) -> np.ndarray:
    """Lines of text, and some drawn lines, on a plain ground."""
    picture = _ground(rng, size, 0.15)
    scale, thick = rng.uniform(0.3, 1.1), int(rng.integers(1, 4))
    step, font = int(36 * scale + rng.uniform(4, 20)), int(rng.integers(0, 8))
    canvas, ink = _drawable(picture), _colour(rng)
    if np.abs(ink - picture.mean((0, 1))).max() < 60:
        ink = 255 - ink
    for y in range(int(rng.uniform(0, step)), size[0] + step, step):
        start = (int(rng.uniform(-60, 40)), y)
        cv2.putText(canvas, _words(rng), start, font, scale, ink.tolist(), thick, cv2.LINE_AA)
    for _ in range(int(rng.integers(0, 4))):
        _line(rng, canvas, ink, thick)
    return _tilted(rng, canvas) if rng.random() < 0.3 else canvas


def _room(rng: np.random.Generator, size: Size) -> np.ndarray:
    """Wall and floor with upright and level panels, frames, lines and ledges that go on behind a person."""
    height, width = size
    picture = _ground(rng, size, 0.2)
    floor = int(rng.uniform(0.4, 1.2) * height)
    if floor < height:
        picture[floor:] = _surface(rng, size)[floor:]
    canvas = _drawable(picture)
    for _ in range(int(rng.integers(2, 9))):
        y0, y1 = sorted(rng.uniform(-0.2, 1.2, 2) * height)
        x0, x1 = sorted(rng.uniform(-0.2, 1.2, 2) * width)
        corners = (int(x0), int(y0)), (int(x1), int(y1))
        if rng.random() < 0.5:
            part = np.s_[max(0, int(y0)) : int(max(y1, 0)), max(0, int(x0)) : int(max(x1, 0))]
            canvas[part] = _drawable(_surface(rng, size))[part]
        cv2.rectangle(canvas, *corners, _colour(rng).tolist(), int(rng.integers(1, 9)), cv2.LINE_AA)
    for _ in range(int(rng.integers(0, 5))):
        _line(rng, canvas, _colour(rng), int(rng.integers(1, 8)))
    return _tilted(rng, canvas) if rng.random() < 0.6 else canvas


def _leaves(rng: np.random.Generator, size: Size) -> np.ndarray:
    """Things over things, many small and few large ones, plain or textured."""
    canvas = np.ascontiguousarray(_surface(rng, size))
    largest = rng.uniform(30, 130)
    smallest = rng.uniform(4, 20)
    textures = [_surface(rng, size) for _ in range(3)]
    for _ in range(int(rng.uniform(20, 160))):
        radius = 1 / np.sqrt(rng.uniform(1 / largest**2, 1 / smallest**2))
        cover = np.zeros(size, np.uint8)
        _thing(rng, cover, radius)
        x, y, w, h = cv2.boundingRect(cover)
        if not w:
            continue
        box = np.s_[y : y + h, x : x + w]
        paint = textures[int(rng.integers(3))][box] if rng.random() < 0.35 else _colour(rng)
        opacity = cover[box][..., None].astype(np.float32) / 255
        canvas[box] = canvas[box] * (1 - opacity) + paint * opacity
    return canvas


def _edges(rng: np.random.Generator, size: Size) -> np.ndarray:
    """A few large areas with edges of different softness."""
    y, x = np.indices(size, np.float32)
    picture = _ground(rng, size, 0.2)
    for _ in range(int(rng.integers(1, 6))):
        angle, soft = rng.uniform(0, 2 * np.pi), rng.uniform(0.5, 15)
        offset = rng.uniform(0.15, 0.85, 2) * size
        side = np.cos(angle) * (x - offset[1]) + np.sin(angle) * (y - offset[0])
        if rng.random() < 0.4:
            side = np.hypot(x - offset[1], y - offset[0]) - rng.uniform(15, 120)
        cover = (0.5 + 0.5 * np.tanh(side / soft))[..., None]
        picture = picture * (1 - cover) + _ground(rng, size, 0.15) * cover
    return picture


def _photographed(rng: np.random.Generator, picture: np.ndarray) -> np.ndarray:
    """Light that differs over the picture, a lens that may blur, a sensor that may be noisy."""
    size = picture.shape[:2]
    if rng.random() < 0.6:
        picture = picture * (1 + rng.uniform(-0.5, 0.5) * (ramp(rng, size) - 0.5))[..., None]
    if rng.random() < 0.5:
        picture = cv2.GaussianBlur(picture.astype(np.float32), (0, 0), rng.uniform(0.4, 1.6))
    if rng.random() < 0.5:
        picture = picture + rng.standard_normal(picture.shape) * rng.uniform(0, 6)
    return _drawable(picture)


def _surface(rng: np.random.Generator, size: Size) -> np.ndarray:
    return _coloured(rng, _pattern(rng, size)) if rng.random() < 0.35 else _ground(rng, size, rng.uniform(0, 0.3))


def _ground(rng: np.random.Generator, size: Size, strength: float) -> np.ndarray:
    """Nearly one colour, float32 (H, W, 3)."""
    shade = ramp(rng, size) if rng.random() < 0.6 else fractal(rng, size, rng.uniform(1.2, 2.2))
    return (_colour(rng) + 255 * strength * rng.uniform(-1, 1) * (shade - 0.5)[..., None]).astype(np.float32)


def _pattern(rng: np.random.Generator, size: Size) -> np.ndarray:
    return PATTERNS[int(rng.integers(len(PATTERNS)))](rng, size)


def _coloured(rng: np.random.Generator, values: np.ndarray) -> np.ndarray:
    a, b = _colour(rng), _colour(rng)
    b = a + (b - a) * rng.uniform(0.15, 1)
    return (a + (b - a) * values[..., None]).astype(np.float32)


def _colour(rng: np.random.Generator) -> np.ndarray:
    """float32 (3,); greyish ones are as frequent as bright ones."""
    grey = rng.uniform(10, 245)
    return np.clip(grey + rng.normal(0, rng.choice([8, 25, 60]), 3), 0, 255).astype(np.float32)


def _thing(rng: np.random.Generator, cover: np.ndarray, radius: float) -> None:
    centre = rng.uniform(0, 1, 2) * cover.shape
    if rng.random() < 0.5:
        axes = (max(1, int(radius)), max(1, int(radius * rng.uniform(0.3, 1))))
        cv2.ellipse(cover, _point(centre), axes, rng.uniform(0, 180), 0, 360, (255,), -1, cv2.LINE_AA)
        return
    angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(3, 8))))
    radii = radius * rng.uniform(0.6, 1.3, len(angles))
    points = np.stack([centre[1] + radii * np.cos(angles), centre[0] + radii * np.sin(angles)], -1)
    cv2.fillPoly(cover, [np.rint(points).astype(np.int32)], (255,), cv2.LINE_AA)


def _line(rng: np.random.Generator, canvas: np.ndarray, colour: np.ndarray, thick: int) -> None:
    height, width = canvas.shape[:2]
    a, b = rng.uniform(-0.2, 1.2, (2, 2)) * (height, width)
    if rng.random() < 0.5:  # level or upright
        axis = int(rng.integers(2))
        b[axis] = a[axis]
    cv2.line(canvas, _point(a), _point(b), colour.tolist(), thick, cv2.LINE_AA)


def _drawable(picture: np.ndarray) -> np.ndarray:
    """uint8, which is what OpenCV draws smooth lines and text on."""
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def _point(centre: np.ndarray) -> tuple[int, int]:
    return int(centre[1]), int(centre[0])


def _words(rng: np.random.Generator) -> str:
    letters = rng.choice(list("abcdefghiklmnoprstuvwxyzABCEFGHKMNRST0123456789=+-()     "), int(rng.integers(8, 40)))
    return "".join(letters)


def _tilted(rng: np.random.Generator, picture: np.ndarray) -> np.ndarray:
    """Seen at a slant: a random homography, what lies outside mirrored."""
    height, width = picture.shape[:2]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    moved = corners + (rng.uniform(-0.25, 0.25, (4, 2)) * (width, height)).astype(np.float32)
    matrix = cv2.getPerspectiveTransform(moved, corners)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpPerspective(
        picture.astype(np.float32), matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REFLECT
    )
