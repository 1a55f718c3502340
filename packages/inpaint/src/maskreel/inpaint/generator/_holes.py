"""Random holes of the shapes that occur: people, brush strokes, boxes."""

from __future__ import annotations

import cv2
import numpy as np

__all__ = ["random_hole"]

_FEWEST_KNOWN = 0.12
_TRIES = 20


def random_hole(rng: np.random.Generator, side: int, height: tuple[float, float]) -> np.ndarray:
    """A hole in a square picture: half of them people, the others strokes and boxes.

    Args:
        rng: Draws everything.
        side: Of the picture in pixels.
        height: Least and greatest height of a person, as a share of `side`; other shapes are of like size.

    Returns:
        bool (side, side), True in the hole; neither empty nor more than 88 % of the picture.
    """
    for _ in range(_TRIES):
        cover = np.zeros((side, side), np.uint8)
        kind = rng.random()
        draw = _person if kind < 0.55 else _strokes if kind < 0.8 else _boxes
        draw(rng, cover, rng.uniform(*height) * side)
        hole = cover > 0
        if hole.any() and (~hole).mean() >= _FEWEST_KNOWN:
            return hole
    hole = np.zeros((side, side), bool)
    hole[side // 3 : 2 * side // 3, side // 3 : 2 * side // 3] = True
    return hole


def _person(rng: np.random.Generator, cover: np.ndarray, height: float) -> None:
    """Head, trunk, arms and legs, standing or cut off, grown as masks of people are."""
    top = rng.uniform(0.5, 0.95) * cover.shape[0] - height * rng.uniform(0.35, 1)
    x, lean = rng.uniform(0.1, 0.9) * cover.shape[1], rng.uniform(-0.12, 0.12) * height
    neck, hip = np.array([x, top + 0.2 * height]), np.array([x + lean, top + 0.55 * height])
    width = rng.uniform(0.12, 0.22) * height
    head = np.array([x - 0.2 * lean, top + 0.1 * height])
    cv2.ellipse(cover, _point(head), _axes(0.08 * height, 0.11 * height), 0, 0, 360, (1,), -1)
    _limb(cover, [neck, hip], width)
    for side in (-1, 1):
        knee = hip + height * np.array([side * rng.uniform(0, 0.12), 0.24])
        foot = knee + height * np.array([rng.normal(0, 0.05), 0.24])
        _limb(cover, [hip, knee, foot], 0.09 * height)
        elbow = neck + _polar(rng.uniform(0.2, 2.9), 0.2 * height) * (side, 1)
        _limb(cover, [neck, elbow, elbow + _polar(rng.uniform(-0.7, 2.4), 0.18 * height) * (side, 1)], 0.06 * height)
    grown = int(rng.integers(1, 8))
    cv2.dilate(cover, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * grown + 1, 2 * grown + 1)), dst=cover)


def _strokes(rng: np.random.Generator, cover: np.ndarray, height: float) -> None:
    for _ in range(int(rng.integers(1, 4))):
        point, angle = rng.uniform(0.1, 0.9, 2) * cover.shape[::-1], rng.uniform(0, 2 * np.pi)
        points = [point]
        for _ in range(int(rng.integers(1, 6))):
            angle += rng.normal(0, 0.9)
            points.append(points[-1] + _polar(angle, height * rng.uniform(0.15, 0.4)))
        _limb(cover, points, rng.uniform(0.06, 0.3) * height)


def _boxes(rng: np.random.Generator, cover: np.ndarray, height: float) -> None:
    for _ in range(int(rng.integers(1, 3))):
        extent = height * rng.uniform(0.25, 0.9, 2)
        corner = rng.uniform(-0.2, 0.9, 2) * cover.shape[::-1]
        cv2.rectangle(cover, _point(corner), _point(corner + extent), (1,), -1)


def _limb(cover: np.ndarray, points: list[np.ndarray], width: float) -> None:
    line = np.rint(np.stack(points)).astype(np.int32)
    cv2.polylines(cover, [line], False, (1,), max(1, round(width)))


def _polar(angle: float, length: float) -> np.ndarray:
    return length * np.array([np.cos(angle), np.sin(angle)])


def _point(place: np.ndarray) -> tuple[int, int]:
    return round(float(place[0])), round(float(place[1]))


def _axes(a: float, b: float) -> tuple[int, int]:
    return max(1, round(a)), max(1, round(b))
