"""Objects drawn into label maps, the nearer over the farther."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch

from maskreel.vfp.occupancy import Occupancy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maskreel.vfp.objects.table import Table

__all__ = ["occupancy", "paint"]

_SHIFT = 4  # fixed-point bits of OpenCV's drawing
_BORDER = 0.5  # pixels that OpenCV draws beyond an outline
_FAR = 4000  # pixels; who is this far away is not in the picture


def paint(table: Table, labels: Sequence[int], places: np.ndarray, yaw: np.ndarray) -> np.ndarray:
    """uint8 (K, H, W): K label maps of N objects.

    Args:
        table: Camera and solids.
        labels: Class ids of the N objects.
        places: float64 (K, N, 2) on the table.
        yaw: float64 (K, N), of cubes, in radians.
    """
    planes = np.zeros((len(places), *table.camera.size), np.uint8)
    if not labels:
        return planes
    heights = np.array([table.solid(label).height / 2 for label in labels])
    order = table.camera.depth(places, heights).argsort(1)[:, ::-1].tolist()
    polygons = [
        _polygons(table.solid(label).outline(table.camera, places[:, n], yaw[:, n]), table.camera.size)
        for n, label in enumerate(labels)
    ]
    colours = [int(label) for label in labels]
    for k, plane in enumerate(planes):
        for n in order[k]:
            points, seen = polygons[n]
            if seen[k]:
                cv2.fillConvexPoly(plane, points[k], colours[n], shift=_SHIFT)
    return planes


def occupancy(planes: np.ndarray, labels: Sequence[int]) -> Occupancy:
    """How often each of N labels is at each pixel in K label maps, uint8 (K, H, W)."""
    stack = np.zeros((len(labels), *planes.shape[1:]), np.float32)
    rows, columns = _crop(planes)
    cropped = np.ascontiguousarray(planes[:, rows, columns])
    counts = np.uint8 if len(planes) < 256 else np.uint32  # the small one is several times as quick
    for n, label in enumerate(labels):
        stack[n, rows, columns] = (cropped == label).sum(0, dtype=counts)
    return Occupancy(tuple(labels), torch.from_numpy(stack / max(len(planes), 1)))


def _crop(planes: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns outside which all label maps are empty."""
    filled = planes.max(0, initial=0)
    return _extent(filled.max(1)), _extent(filled.max(0))


def _extent(filled: np.ndarray) -> slice:
    index = np.flatnonzero(filled)
    return slice(int(index[0]), int(index[-1]) + 1) if len(index) else slice(0, 0)


def _polygons(outlines: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, list[bool]]:
    """OpenCV's polygons, int32 (K, P, 2), for outlines (K, P, 2), and whether they are in the picture."""
    points = np.nan_to_num(outlines, nan=2 * _FAR, posinf=2 * _FAR, neginf=2 * _FAR)
    low, high = points.min(1), points.max(1)
    height, width = size
    seen = (high.min(1) > 0) & (low < (width, height)).all(1) & (np.maximum(-low, high).max(1) < _FAR)
    inward = points.mean(1, keepdims=True) - points
    shrunk = points + inward * (_BORDER / np.maximum(np.hypot(inward[..., 0], inward[..., 1]), 1))[..., None]
    return np.round((shrunk - 0.5) * (1 << _SHIFT)).astype(np.int32), seen.tolist()
