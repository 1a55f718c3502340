"""The path of a camera: still, held in the hand, panning, travelling, zooming, or some of it at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["CameraPath"]

_STILL = 0.15
_DEPTH = 6.0  # at which speeds in pixels are meant


@dataclass(frozen=True)
class CameraPath:
    """A pinhole camera at T moments; x to the right, y down, z ahead."""

    size: tuple[int, int]
    zoom: np.ndarray
    """float64 (T,): focal length in pixels."""
    position: np.ndarray
    """float64 (T, 3)."""
    rotation: np.ndarray
    """float64 (T, 3, 3): from directions in space to directions of the camera."""

    @property
    def frames(self) -> int:
        """Number of moments."""
        return len(self.zoom)

    @property
    def focal(self) -> float:
        """Focal length in pixels at rest."""
        return float(max(self.size))

    def intrinsics(self, t: int) -> np.ndarray:
        """float64 (3, 3): from directions of the camera to pixels."""
        height, width = self.size
        return np.array([[self.zoom[t], 0, (width - 1) / 2], [0, self.zoom[t], (height - 1) / 2], [0, 0, 1]])

    @classmethod
    def draw(cls, rng: np.random.Generator, size: tuple[int, int], frames: int) -> CameraPath:
        """A random path that passes through the origin, without turn or zoom, at mid-clip."""
        focal = float(max(size))
        if rng.random() < _STILL:
            return cls(size, np.full(frames, focal), np.zeros((frames, 3)), np.repeat(np.eye(3)[None], frames, 0))
        px = max(size) / 432  # speeds are meant for pictures that are 432 px wide
        travel = _course(rng, frames, 3, _chance(rng, 0.7, 0.3, 14) * px) * (1, 0.4, 1.5) * _DEPTH / focal
        turn = _course(rng, frames, 2, _chance(rng, 0.6, 0.3, 14) * px) * (1, 0.5) / focal
        roll = _course(rng, frames, 1, _chance(rng, 0.4, 0.0005, 0.01))[:, 0]
        zoom = focal * np.exp(_course(rng, frames, 1, _chance(rng, 0.25, 0.001, 0.02))[:, 0])
        travel[:, 2] = np.clip(travel[:, 2], -0.8, 0.8)
        return cls(size, zoom, travel, np.stack([_rotation(*angles) for angles in zip(*turn.T, roll, strict=True)]))


def _chance(rng: np.random.Generator, share: float, low: float, high: float) -> float:
    """A log-uniform number, or zero."""
    speed = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    return speed if rng.random() < share else 0.0


def _course(rng: np.random.Generator, frames: int, axes: int, speed: float) -> np.ndarray:
    """float64 (T, axes): steady motion, slow change and jerks, in steps of about `speed`; 0 at mid-clip."""
    steady = rng.normal(0, 1, axes)
    wave = np.sin(np.arange(frames)[:, None] * rng.uniform(0.2, 1.5, axes) + rng.uniform(0, 2 * np.pi, axes))
    jerks = rng.normal(0, 1, (frames, axes))
    parts = rng.dirichlet([1.0, 1.0, 0.5])
    steps = speed * (parts[0] * steady + parts[1] * wave * rng.normal(0, 1, axes) + parts[2] * jerks)
    path = np.cumsum(steps, 0)
    return path - path[frames // 2]


def _rotation(pan: float, tilt: float, roll: float) -> np.ndarray:
    def about(first: int, second: int, angle: float) -> np.ndarray:
        turn = np.eye(3)
        turn[first, first] = turn[second, second] = np.cos(angle)
        turn[first, second], turn[second, first] = -np.sin(angle), np.sin(angle)
        return turn

    return about(0, 1, roll) @ about(1, 2, tilt) @ about(0, 2, pan)
