"""Masks as COCO's polygons."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    import torch


def polygons(mask: torch.Tensor) -> list[list[float]]:
    """The outer outlines of a bool mask (H, W) as lists x0, y0, x1, y1, ... that run along the edges of its pixels.

    Drawn again they give the mask with its holes filled, pixel for pixel: their corners lie between pixels, not in the
    middle of pixels, where OpenCV puts them.
    """
    # At twice the size, an outline on an even place lies left of or above its pixel, on an odd one right or below.
    doubled = mask.cpu().numpy().astype(np.uint8).repeat(2, axis=0).repeat(2, axis=1)
    contours, _ = cv2.findContours(doubled, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return [_corners((contour[:, 0] + 1) // 2).ravel().astype(float).tolist() for contour in contours]


def _corners(points: np.ndarray) -> np.ndarray:
    """The points (K, 2) of a closed outline at which it turns."""
    moved = points[(points != np.roll(points, 1, axis=0)).any(axis=1)]
    before, after = moved - np.roll(moved, 1, axis=0), np.roll(moved, -1, axis=0) - moved
    return moved[(before != after).any(axis=1)]
