"""Many 3-D vectors at once.

Everything that decides a pixel uses only +, -, *, / and square roots: these give the same bits on every machine, which
sines, powers and matrix products do not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Vectors"]


@dataclass(frozen=True)
class Vectors:
    """Three arrays of one shape (or that broadcast to one), for x, y and z."""

    x: np.ndarray
    y: np.ndarray
    z: np.ndarray

    @classmethod
    def of(cls, rows: np.ndarray) -> Vectors:
        """From an array (..., 3)."""
        return cls(rows[..., 0], rows[..., 1], rows[..., 2])

    @classmethod
    def point(cls, x: float, y: float, z: float) -> Vectors:
        """One vector, which broadcasts to all places."""
        return cls(*(np.array(value, np.float32) for value in (x, y, z)))

    def at(self, index) -> Vectors:
        """The vectors at these places of the arrays."""
        return Vectors(self.x[index], self.y[index], self.z[index])

    def dot(self, other: Vectors) -> np.ndarray:
        return self.x * other.x + self.y * other.y + self.z * other.z

    def unit(self) -> Vectors:
        """The same directions with length 1."""
        return self * (1 / np.sqrt(self.dot(self)))

    def turned(self, cosine: np.ndarray, sine: np.ndarray) -> Vectors:
        """Rotated about the z axis."""
        return Vectors(cosine * self.x - sine * self.y, sine * self.x + cosine * self.y, self.z)

    def __add__(self, other: Vectors) -> Vectors:
        return Vectors(self.x + other.x, self.y + other.y, self.z + other.z)

    def __sub__(self, other: Vectors) -> Vectors:
        return Vectors(self.x - other.x, self.y - other.y, self.z - other.z)

    def __mul__(self, scale) -> Vectors:
        return Vectors(self.x * scale, self.y * scale, self.z * scale)

    def __neg__(self) -> Vectors:
        return Vectors(-self.x, -self.y, -self.z)
