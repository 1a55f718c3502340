"""The three solids: where rays hit them, and the surface there.

Coordinates are the solid's own: the origin in the middle of its base on the floor, z up.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from maskreel.common.world._table.vectors import Vectors

__all__ = ["Box", "Cylinder", "Solid", "Sphere", "make_solid"]

_BEVEL = np.float32(0.05)
_NEVER = np.float32(np.inf)


@dataclass(frozen=True)
class Solid(ABC):
    """A convex body that stands on the floor."""

    footprint: float
    """Radius of its disc, or half the side of its square, on the floor."""
    height: float

    turns: ClassVar[bool] = False
    """Whether a turn about the vertical axis can be seen."""

    @property
    def reach(self) -> float:
        """Radius of the smallest upright cylinder around it."""
        return self.footprint

    @property
    @abstractmethod
    def inertia(self) -> float:
        """Moment of inertia about the vertical axis through its middle, for mass 1."""

    @abstractmethod
    def hit(self, start: Vectors, direction: Vectors) -> np.ndarray:
        """Distance, in lengths of `direction`, to where each ray enters; infinity where it misses or starts inside."""

    @abstractmethod
    def normal(self, point: Vectors) -> Vectors:
        """Unit vector outwards at points of the surface; edges are slightly rounded."""


class Sphere(Solid):
    @property
    def inertia(self) -> float:
        return 0.4 * self.footprint * self.footprint

    def hit(self, start: Vectors, direction: Vectors) -> np.ndarray:
        radius = np.float32(self.footprint)
        start = Vectors(start.x, start.y, start.z - radius)
        a, b = direction.dot(direction), direction.dot(start)
        root = b * b - a * (start.dot(start) - radius * radius)
        distance = (-b - np.sqrt(np.maximum(root, 0))) / a
        return np.where((root > 0) & (distance > 0), distance, _NEVER)

    def normal(self, point: Vectors) -> Vectors:
        return Vectors(point.x, point.y, point.z - np.float32(self.footprint)).unit()


class Box(Solid):
    turns = True

    @property
    def reach(self) -> float:
        return self.footprint * 2**0.5

    @property
    def inertia(self) -> float:
        return self.footprint * self.footprint * 2 / 3

    def hit(self, start: Vectors, direction: Vectors) -> np.ndarray:
        half, middle = np.float32(self.footprint), np.float32(self.height / 2)
        enter, leave = np.float32(0), _NEVER
        for position, speed, extent in (
            (start.x, direction.x, half),
            (start.y, direction.y, half),
            (start.z - middle, direction.z, middle),
        ):
            inverse = 1 / _not_zero(speed)
            near, far = -position * inverse, extent * np.abs(inverse)
            enter, leave = np.maximum(enter, near - far), np.minimum(leave, near + far)
        return np.where((enter < leave) & (enter > 0), enter, _NEVER)

    def normal(self, point: Vectors) -> Vectors:
        half, middle = np.float32(self.footprint), np.float32(self.height / 2)
        return Vectors(_off(point.x, half), _off(point.y, half), _off(point.z - middle, middle)).unit()


class Cylinder(Solid):
    @property
    def inertia(self) -> float:
        return 0.5 * self.footprint * self.footprint

    def hit(self, start: Vectors, direction: Vectors) -> np.ndarray:
        radius, top = np.float32(self.footprint), np.float32(self.height)
        a = np.maximum(direction.x * direction.x + direction.y * direction.y, np.float32(1e-12))
        b = direction.x * start.x + direction.y * start.y
        root = b * b - a * (start.x * start.x + start.y * start.y - radius * radius)
        width = np.sqrt(np.maximum(root, 0))
        inverse = 1 / _not_zero(direction.z)
        low, high = -start.z * inverse, (top - start.z) * inverse
        enter = np.maximum((-b - width) / a, np.minimum(low, high))
        leave = np.minimum((width - b) / a, np.maximum(low, high))
        return np.where((root > 0) & (enter < leave) & (enter > 0), enter, _NEVER)

    def normal(self, point: Vectors) -> Vectors:
        middle = np.float32(self.height / 2)
        distance = np.maximum(np.sqrt(point.x * point.x + point.y * point.y), np.float32(1e-6))
        out = np.maximum(distance - (np.float32(self.footprint) - _BEVEL), 0) / distance
        return Vectors(point.x * out, point.y * out, _off(point.z - middle, middle)).unit()


def _off(coordinate: np.ndarray, extent: np.float32) -> np.ndarray:
    """Component of the vector from the core, which is smaller by the bevel, to a point of the surface."""
    core = extent - _BEVEL
    return coordinate - np.minimum(np.maximum(coordinate, -core), core)


def _not_zero(values: np.ndarray) -> np.ndarray:
    return np.where(np.abs(values) < np.float32(1e-9), np.float32(1e-9), values)


def make_solid(shape: str, radius: float) -> Solid:
    """The solid of a shape, beside a sphere of this radius."""
    if shape == "sphere":
        return Sphere(radius, 2 * radius)
    if shape == "cube":
        return Box(0.82 * radius, 1.64 * radius)
    return Cylinder(0.9 * radius, 1.62 * radius)
