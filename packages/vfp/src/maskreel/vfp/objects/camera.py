"""A camera above a table, in the table's own units."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["TableCamera"]


@dataclass(frozen=True)
class TableCamera:
    """A pinhole camera that looks down at a table, level from left to right.

    The unit of length is the radius of the spheres on the table, which is all that masks can tell. x runs to the right,
    y away from the camera, z up; the camera is above the origin.
    """

    focal: float
    """Focal length in pixels."""
    pitch: float
    """Radians by which the viewing direction is below the horizon."""
    height: float
    """Of the camera above the table."""
    size: tuple[int, int]
    """Height and width of the picture in pixels."""

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Points (..., 3) to picture coordinates (..., 2), where pixel (0, 0) has its centre at (.5, .5), and depth."""
        y, up = points[..., 1], points[..., 2] - self.height
        sine, cosine = np.sin(self.pitch), np.cos(self.pitch)
        depth = y * cosine - up * sine
        height, width = self.size
        scale = self.focal / depth
        return np.stack([width / 2 + points[..., 0] * scale, height / 2 - (up * cosine + y * sine) * scale], -1), depth

    def to_table(self, pixels: np.ndarray, z: float | np.ndarray) -> np.ndarray:
        """Picture coordinates (..., 2) to x and y (..., 2) at height z above the table.

        Above the horizon there is no table: far away instead.
        """
        height, width = self.size
        right = (pixels[..., 0] - width / 2) / self.focal
        down = (pixels[..., 1] - height / 2) / self.focal
        fall = np.maximum(np.sin(self.pitch) + down * np.cos(self.pitch), 1e-3)
        along = (self.height - z) / fall
        return np.stack([right * along, (np.cos(self.pitch) - down * np.sin(self.pitch)) * along], -1)

    def depth(self, places: np.ndarray, z: float | np.ndarray) -> np.ndarray:
        """Depth (...) along the viewing direction of places (..., 2) at height z."""
        return places[..., 1] * np.cos(self.pitch) + (self.height - z) * np.sin(self.pitch)
