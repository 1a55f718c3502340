"""Spheres, cubes and cylinders on a table, as the outlines that a camera sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from maskreel.vfp.objects.camera import TableCamera

__all__ = ["CUBE", "CYLINDER", "SHAPES", "SPHERE", "Solid", "shape_of"]

SHAPES = ("cube", "sphere", "cylinder")
"""In the order of the class ids: label 1 to 16 is a cube, 17 to 32 a sphere, 33 to 48 a cylinder."""
CUBE, SPHERE, CYLINDER = range(3)

_POINTS = 24
_TURN = np.linspace(0, 2 * np.pi, _POINTS, endpoint=False)
_SAME_AREA = (_TURN[1] / np.sin(_TURN[1])) ** 0.5
_CIRCLE = _SAME_AREA * np.stack([np.cos(_TURN), np.sin(_TURN)], -1)
_CORNERS = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])


def shape_of(label: int) -> int:
    """Position in `SHAPES` of a class id from 1 to 48."""
    return (label - 1) // 16


@dataclass(frozen=True)
class Solid:
    """One object that stands on the table."""

    shape: int
    """Position in `SHAPES`."""
    radius: float
    """Of a sphere or cylinder; half the side of a cube. In units of the spheres' radius."""
    height: float
    """From the table to the top."""

    @property
    def reach(self) -> float:
        """Radius of the disc that it touches others with; a cube's is between those within and around it."""
        return self.radius * (1.15 if self.shape == CUBE else 1.0)

    @property
    def inertia(self) -> float:
        """Moment of inertia about the upright axis through its middle, for mass 1, of an even density."""
        return self.radius**2 * (2 / 3, 2 / 5, 1 / 2)[self.shape]

    def outline(self, camera: TableCamera, places: np.ndarray, yaw: np.ndarray | float = 0.0) -> np.ndarray:
        """Corners (..., P, 2), in order, of the convex polygon that is seen of the solid at places (..., 2).

        Corners may come twice. The camera has to be above the solid.

        `yaw`, radians (...), turns cubes about their upright axis; the others look the same from all sides.
        """
        if self.shape == SPHERE:
            return camera.project(self._rim(camera, places))[0]
        base = self._base(np.broadcast_to(np.asarray(yaw), places.shape[:-1]))
        return camera.project(_prism(places[..., None, :] + base, self.height))[0]

    def _base(self, yaw: np.ndarray) -> np.ndarray:
        if self.shape == CYLINDER:
            return self.radius * _CIRCLE
        cosine, sine = np.cos(yaw)[..., None], np.sin(yaw)[..., None]
        x, y = self.radius * _CORNERS[:, 0], self.radius * _CORNERS[:, 1]
        return np.stack([cosine * x - sine * y, sine * x + cosine * y], -1)

    def _rim(self, camera: TableCamera, places: np.ndarray) -> np.ndarray:
        """The circle in which a cone from the camera touches the sphere."""
        x, y, z = places[..., 0], places[..., 1], self.radius - camera.height
        across = np.maximum(np.hypot(x, y), 1e-9)
        square = np.maximum(across**2 + z**2, self.radius**2 * 1.01)
        level, zero = np.stack([y, -x], -1) / across[..., None], np.zeros_like(x)
        first = np.concatenate([level, zero[..., None]], -1)
        second = np.stack([x * z / across, y * z / across, -across], -1) / np.sqrt(square)[..., None]
        share = 1 - self.radius**2 / square
        spread = self.radius * np.sqrt(share)[..., None, None]
        centre = np.stack([x * share, y * share, z * share + camera.height], -1)
        circle = _CIRCLE[:, :1] * first[..., None, :] + _CIRCLE[:, 1:] * second[..., None, :]
        return centre[..., None, :] + spread * circle


def _prism(base: np.ndarray, height: float) -> np.ndarray:
    """Points (..., 2 P, 3) around what is seen, from the origin's side and above, of a prism on a base (..., P, 2).

    Sides that face the camera end at the bottom, the others at the top; between the two, both corners count.
    """
    after = np.roll(base, -1, -2)
    facing = base[..., 0] * (after[..., 1] - base[..., 1]) < base[..., 1] * (after[..., 0] - base[..., 0])
    facing = np.stack([np.roll(facing, 1, -1), facing], -1)
    levels = np.where(facing, 0.0, height)
    twice = np.broadcast_to(base[..., None, :], (*base.shape[:-1], 2, 2))
    points = np.concatenate([twice, levels[..., None]], -1)
    return points.reshape(*base.shape[:-2], -1, 3)
