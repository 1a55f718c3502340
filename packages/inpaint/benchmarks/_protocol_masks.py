"""Holes of the field's protocol: smooth random shapes, standing still or drifting and changing, grown by four pixels.

The shapes follow the spirit of the masks that STTN, FuseFormer, E2FGVI and ProPainter are scored with: closed smooth
curves through 6 to 8 random corners, from a third of the frame to most of it. Their files cannot be had here, so these
are drawn anew; figures are comparable with one another, not with published tables.
"""

from __future__ import annotations

import cv2
import numpy as np

__all__ = ["moving_masks", "protocol_dilation", "stationary_masks"]

_SUPERSAMPLED = 16  # cv2.fillPoly's sub-pixel positions
_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))


def stationary_masks(seed: int, count: int, size: tuple[int, int]) -> np.ndarray:
    """One shape that covers the same pixels of all frames: bool (count, H, W), not dilated."""
    random = np.random.default_rng([seed, 1])
    shape, centre = _Shape(random, size), _place(random, size)
    return np.repeat(_drawn(shape.contour(0.0) + centre, size)[None], count, axis=0)


def moving_masks(seed: int, count: int, size: tuple[int, int]) -> np.ndarray:
    """One shape that drifts 1 to 4 px a frame, bounces off the frame's edges and changes: bool (count, H, W)."""
    random = np.random.default_rng([seed, 2])
    shape, centre = _Shape(random, size), _place(random, size)
    direction = random.uniform(0, 2 * np.pi)
    velocity = random.uniform(1, 4) * np.array([np.cos(direction), np.sin(direction)])
    limits = np.array(size[::-1], float)
    masks = []
    for t in range(count):
        masks.append(_drawn(shape.contour(t) + centre, size))
        velocity = velocity * 0.95 + random.normal(0, 0.4, 2)
        speed = np.hypot(*velocity)
        velocity *= np.clip(speed, 1, 4) / max(speed, 1e-6)
        velocity *= np.where((centre + velocity < 0.15 * limits) | (centre + velocity > 0.85 * limits), -1, 1)
        centre = np.clip(centre + velocity, 0.15 * limits, 0.85 * limits)
    return np.stack(masks)


def protocol_dilation(masks: np.ndarray) -> np.ndarray:
    """Masks grown as the protocol does it: 4 times by a cross of 3x3."""
    return np.stack([cv2.dilate(mask.astype(np.uint8), _CROSS, iterations=4) for mask in masks]).astype(bool)


class _Shape:
    """A closed smooth curve around (0, 0) whose corners wander in and out."""

    def __init__(self, random: np.random.Generator, size: tuple[int, int]) -> None:
        self._half = np.array([random.uniform(1 / 3, 0.8) * size[1] / 2.2, random.uniform(1 / 3, 0.8) * size[0] / 1.6])
        corners = int(random.integers(6, 9))
        self._radii = random.uniform(0.45, 1.0, corners)
        self._wander = random.uniform(0.02, 0.07, corners), random.uniform(0, 2 * np.pi, corners)

    def contour(self, t: float) -> np.ndarray:
        """float64 (n, 2) points of the curve at frame `t`."""
        pace, phase = self._wander
        radii = self._radii * (1 + 0.3 * (np.sin(2 * np.pi * pace * t + phase) - np.sin(phase)))
        # The trigonometric interpolant through the corners is periodic and as smooth as can be.
        spectrum = np.fft.rfft(radii)
        radius = np.fft.irfft(spectrum, 256) * 256 / len(radii)
        angle = np.linspace(0, 2 * np.pi, 256, endpoint=False)
        return self._half * radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], -1) / 1.2


def _place(random: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    return random.uniform(0.25, 0.75, 2) * np.array(size[::-1])


def _drawn(contour: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    mask = np.zeros(size, np.uint8)
    points = np.rint(contour * _SUPERSAMPLED).astype(np.int32)
    cv2.fillPoly(mask, [points], (1,), shift=_SUPERSAMPLED.bit_length() - 1)
    return mask.astype(bool)
