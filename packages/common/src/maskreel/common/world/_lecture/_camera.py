"""The shake of a hand-held camera."""

from __future__ import annotations

import numpy as np

from maskreel.common.world._lecture._room import WORLD_HEIGHT

_PIXELS, _DEGREES, _ZOOM = 4.0, 0.3, 0.005  # largest; pixels at a height of WORLD_HEIGHT


class Shake:
    """Smooth random shift, turn and zoom; `matrix(seconds)` may be asked in any order."""

    def __init__(self, size: tuple[int, int], rng: np.random.Generator) -> None:
        self._size = size
        self._frequencies = rng.uniform(0.7, 1.3, (4, 5)) * np.array([0.11, 0.27, 0.55, 1.1, 1.9])  # Hz
        amplitudes = rng.uniform(0.6, 1.4, (4, 5)) * np.array([1.0, 0.8, 0.55, 0.3, 0.12])
        self._phases = rng.uniform(0, 2 * np.pi, (4, 5))
        self._amplitudes = amplitudes / amplitudes.sum(axis=1, keepdims=True)

    def matrix(self, seconds: float) -> np.ndarray:
        """float64 (2, 3): affine matrix from pixels (x, y) of the still view to pixels of the frame."""
        waves = np.sin(2 * np.pi * self._frequencies * seconds + self._phases)
        x, y, angle, zoom = (self._amplitudes * waves).sum(axis=1)
        height, width = self._size
        factor, turn = 1 + _ZOOM * zoom, np.radians(_DEGREES * angle)
        linear = factor * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        centre = np.array([(width - 1) / 2, (height - 1) / 2])
        shift = _PIXELS * height / WORLD_HEIGHT * np.array([x, y])
        return np.column_stack([linear, centre + shift - linear @ centre])
