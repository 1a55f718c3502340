"""Patterns as planes of numbers, float32 (H, W) in [0, 1]: what textures and surfaces are coloured from."""

from __future__ import annotations

import cv2
import numpy as np

__all__ = ["PATTERNS", "fractal", "ramp"]

Size = tuple[int, int]


def ramp(rng: np.random.Generator, size: Size) -> np.ndarray:
    """A linear or a round gradient."""
    y, x = _coordinates(size)
    if rng.random() < 0.5:
        angle = rng.uniform(0, 2 * np.pi)
        return _unit(np.cos(angle) * x + np.sin(angle) * y)
    centre_y, centre_x = rng.uniform(-0.3, 1.3, 2) * size
    return _unit(np.hypot(y - centre_y, x - centre_x))


def fractal(rng: np.random.Generator, size: Size, slope: float | None = None) -> np.ndarray:
    """Noise whose amplitude falls with the frequency to the power of `slope`; 1 is that of photographs."""
    slope = rng.uniform(0.6, 2.2) if slope is None else slope
    frequency = np.hypot(np.fft.fftfreq(size[0])[:, None], np.fft.rfftfreq(size[1]))
    frequency[0, 0] = 1
    spectrum = np.fft.rfft2(rng.standard_normal(size)) / frequency**slope
    spectrum[0, 0] = 0
    return _spread(np.fft.irfft2(spectrum, size))


def stripes(rng: np.random.Generator, size: Size) -> np.ndarray:
    """Bands with soft or hard edges, straight or a little wavy."""
    return _wave(rng, _along(rng, size), rng.uniform(5, 60))


def checks(rng: np.random.Generator, size: Size) -> np.ndarray:
    """Two families of bands at right angles."""
    angle, period = rng.uniform(0, np.pi) if rng.random() < 0.5 else 0.0, rng.uniform(10, 70)
    y, x = _coordinates(size)
    u, v = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x
    a, b = np.sin(2 * np.pi * u / period), np.sin(2 * np.pi * v / period)
    hard = rng.uniform(1, 12)
    return _unit(np.tanh(hard * a) * np.tanh(hard * b) if rng.random() < 0.6 else np.maximum(a, b))


def bricks(rng: np.random.Generator, size: Size) -> np.ndarray:
    """Rows of bricks or tiles, each a little different, with mortar between them."""
    height, ratio, shift = rng.uniform(8, 40), rng.choice([1.0, 2.0, 3.0]), rng.choice([0.0, 0.5])
    y, x = _coordinates(size)
    row = np.floor((y + rng.uniform(0, 99)) / height)
    u = (x + rng.uniform(0, 99)) / (height * ratio) + shift * (row % 2)
    column, joint = np.floor(u), rng.uniform(0.04, 0.12)
    shade = rng.random((64, 64))[row.astype(int) % 64, column.astype(int) % 64] * rng.uniform(0, 0.5) + 0.5
    v = y / height - np.floor(y / height)
    inside = (np.abs(u - column - 0.5) < 0.5 - joint / ratio) & (np.abs(v - 0.5) < 0.5 - joint)
    return cv2.GaussianBlur(np.where(inside, shade, rng.random()).astype(np.float32), (0, 0), 0.7)


def wood(rng: np.random.Generator, size: Size) -> np.ndarray:
    """Grain along one axis, with slow bends."""
    upright = rng.random() < 0.5
    height, width = size[::-1] if upright else size
    bend = (fractal(rng, (height, width), 2.2) - 0.5) * rng.uniform(5, 60)
    rings = 0.5 + 0.5 * np.sin(2 * np.pi * (np.arange(height)[:, None] + bend) / rng.uniform(6, 30))
    streaks = cv2.resize(rng.random((height, 4)).astype(np.float32), (width, height))
    values = _unit(rings + rng.uniform(0.2, 1) * streaks)
    return np.ascontiguousarray(values.T) if upright else values


def grain(rng: np.random.Generator, size: Size) -> np.ndarray:
    """Noise of one scale: gravel, grass, cloth."""
    sigma = rng.uniform(0.6, 5, 2)
    return _spread(cv2.GaussianBlur(rng.standard_normal(size).astype(np.float32), (0, 0), sigma[0], sigmaY=sigma[1]))


def dots(rng: np.random.Generator, size: Size) -> np.ndarray:
    """A grid of dots, rings or crosses."""
    y, x = _coordinates(size)
    period = rng.uniform(10, 50)
    u, v = x / period % 1 - 0.5, y / period % 1 - 0.5
    distance = np.maximum(np.abs(u), np.abs(v)) if rng.random() < 0.3 else np.hypot(u, v)
    return _unit(np.tanh((distance - rng.uniform(0.15, 0.4)) * period / rng.uniform(1, 4)))


PATTERNS = (ramp, fractal, stripes, checks, bricks, wood, grain, dots)


def _wave(rng: np.random.Generator, along: np.ndarray, period: float) -> np.ndarray:
    return _unit(np.tanh(rng.uniform(0.5, 12) * (np.sin(2 * np.pi * along / period) + rng.uniform(-0.8, 0.8))))


def _along(rng: np.random.Generator, size: Size) -> np.ndarray:
    angle = rng.uniform(0, np.pi) if rng.random() < 0.6 else rng.integers(2) * np.pi / 2
    y, x = _coordinates(size)
    bend = (fractal(rng, size, 2.2) - 0.5) * rng.uniform(0, 40) if rng.random() < 0.4 else 0
    return np.cos(angle) * x + np.sin(angle) * y + bend


def _coordinates(size: Size) -> tuple[np.ndarray, np.ndarray]:
    y, x = np.indices(size, np.float32)
    return y, x


def _unit(values: np.ndarray) -> np.ndarray:
    low, high = float(values.min()), float(values.max())
    return ((values - low) / max(high - low, 1e-6)).astype(np.float32)


def _spread(values: np.ndarray) -> np.ndarray:
    """Noise of any amplitude to [0, 1], with a standard deviation of 0.2."""
    return np.clip(0.5 + 0.2 * values / max(float(values.std()), 1e-9), 0, 1).astype(np.float32)
