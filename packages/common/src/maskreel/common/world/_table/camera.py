"""A pinhole camera that looks down at the table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from maskreel.common.world._table.vectors import Vectors

__all__ = ["Camera"]

_FOCAL = 35 / 32  # of a 35 mm lens before a sensor 32 mm wide, as in CLEVR
_ASPECT = 1.5


@dataclass(frozen=True)
class Camera:
    """Where the camera stands, and its picture; z is up, pixel (0, 0) has its centre at (.5, .5)."""

    eye: tuple[float, float, float]
    target: tuple[float, float, float]
    """What the middle of the picture shows."""
    size: tuple[int, int]
    """Height and width in pixels."""

    @property
    def focal(self) -> float:
        """Focal length in pixels; a picture of another shape than 2:3 shows more of the table, never less."""
        height, width = self.size
        return _FOCAL * min(width, height * _ASPECT)

    @property
    def axes(self) -> np.ndarray:
        """float64 (3, 3): the unit vectors right, down and forward, as rows."""
        x, y, z = (t - e for t, e in zip(self.target, self.eye, strict=True))
        length, level = (x * x + y * y + z * z) ** 0.5, (x * x + y * y) ** 0.5
        forward = (x / length, y / length, z / length)
        right = (y / level, -x / level, 0.0)
        down = (
            forward[1] * right[2] - forward[2] * right[1],
            forward[2] * right[0] - forward[0] * right[2],
            forward[0] * right[1] - forward[1] * right[0],
        )
        return np.array([right, down, forward])

    @property
    def origin(self) -> Vectors:
        """The eye."""
        return Vectors.point(*self.eye)

    def rays(self, x: np.ndarray, y: np.ndarray) -> Vectors:
        """Unit directions from the eye through points of the picture, in pixels, where .5 is a pixel's centre."""
        height, width = self.size
        axes, focal = self.axes.astype(np.float32), np.float32(self.focal)
        u, v = (x - np.float32(width / 2)) / focal, (y - np.float32(height / 2)) / focal
        return Vectors(*(axes[0, i] * u + axes[1, i] * v + axes[2, i] for i in range(3))).unit()

    def project(self, points: Vectors) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Picture coordinates x and y, and the depth along the viewing direction."""
        height, width = self.size
        axes = self.axes.astype(points.x.dtype)
        away = Vectors(*(getattr(points, name) - axes.dtype.type(e) for name, e in zip("xyz", self.eye, strict=True)))
        right, down, forward = (axes[i, 0] * away.x + axes[i, 1] * away.y + axes[i, 2] * away.z for i in range(3))
        scale = axes.dtype.type(self.focal) / forward
        return right * scale + axes.dtype.type(width / 2), down * scale + axes.dtype.type(height / 2), forward

    def floor_half_width(self, y: float) -> float:
        """How far to each side of the middle the floor is seen at this y."""
        axes = self.axes
        depth = (y - self.eye[1]) * axes[2, 1] - self.eye[2] * axes[2, 2]
        return depth * self.size[1] / 2 / self.focal

    def floor_near_edge(self) -> float:
        """The smallest y of the floor at the lower edge of the picture, in its middle."""
        axes, slope = self.axes, self.size[0] / 2 / self.focal
        direction = axes[2] + axes[1] * slope
        return self.eye[1] - self.eye[2] / direction[2] * direction[1]
