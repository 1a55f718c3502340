"""Growing, shrinking and softening masks with a disk; OpenCV does the work.

A disk of `radius` r holds the pixels at Euclidean distance r or less from its centre. Every function takes bool masks
(..., H, W), works on each (H, W) plane by itself and returns a new tensor of the same shape on the same device.
Outside the picture there is no object for `dilate`, `close` and `feather`.
"""

from __future__ import annotations

import math
from functools import lru_cache

import cv2
import numpy as np
import torch

from maskreel.common.masks._planes import map_planes

# Up to here the disk as a structuring element is faster than the distance transform (measured at 768x576).
_LARGEST_KERNEL_RADIUS = 15


def dilate(masks: torch.Tensor, radius: float) -> torch.Tensor:
    """Add every pixel within `radius` pixels of the object."""
    reach = _squared_reach(radius)
    return map_planes(masks, lambda plane: _grow(plane, reach), margin=math.ceil(radius))


def erode(masks: torch.Tensor, radius: float) -> torch.Tensor:
    """Remove every pixel within `radius` pixels of the background: the dual, `~dilate(~masks, radius)`.

    The edge of the picture is not background: a mask that covers everything stays, and an object cut off by the edge
    is taken to go on beyond it.
    """
    reach = _squared_reach(radius)
    # One pixel of margin is enough: from inside the bounding box, the nearest background beyond it is right behind it.
    return map_planes(masks, lambda plane: _shrink(plane, reach), margin=1)


def close(masks: torch.Tensor, radius: float) -> torch.Tensor:
    """Fill gaps and holes that no disk of `radius` pixels fits into: dilate, then erode, on an unbounded plane.

    Removes nothing; a gap between an object and the edge of the picture stays open.
    """
    reach = _squared_reach(radius)
    border = math.ceil(radius) + 1  # the growing object must not touch the end of the array, see `erode`

    def operation(plane: np.ndarray) -> np.ndarray:
        padded = cv2.copyMakeBorder(plane, border, border, border, border, cv2.BORDER_CONSTANT, value=0)
        return _shrink(_grow(padded, reach), reach)[border:-border, border:-border]

    return map_planes(masks, operation, margin=0)


def feather(masks: torch.Tensor, radius: float) -> torch.Tensor:
    """Return float32 weights: 1 on the object, falling linearly outside, exactly 0 farther than `radius` pixels away.

    At distance d <= radius the weight is 1 - d / (radius + 1), so it is above 0 exactly on `dilate(masks, radius)`.
    """
    reach = _squared_reach(radius)

    def operation(plane: np.ndarray) -> np.ndarray:
        distance = _distance(plane)
        weights = 1 - distance / np.float32(radius + 1)
        weights[~_within(distance, reach)] = 0
        return weights

    return map_planes(masks, operation, margin=math.ceil(radius), dtype=torch.float32)


def _squared_reach(radius: float) -> int:
    """The largest squared distance within `radius`; squared pixel distances are whole numbers, so this is exact."""
    if not (math.isfinite(radius) and radius >= 0):
        raise ValueError(f"radius must be 0 or more pixels, got {radius}")
    return math.floor(radius * radius + 1e-6)  # so that math.sqrt(3) reaches a distance of sqrt(3)


def _grow(plane: np.ndarray, reach: int) -> np.ndarray:
    if reach <= _LARGEST_KERNEL_RADIUS**2:
        return cv2.dilate(plane, _disk(reach))
    return _within(_distance(plane), reach).view(np.uint8)


def _shrink(plane: np.ndarray, reach: int) -> np.ndarray:
    background = 1 - plane
    if not background.any():  # OpenCV's distance to nothing is undefined
        return plane
    return 1 - _grow(background, reach)


def _distance(plane: np.ndarray) -> np.ndarray:
    """Exact distance to the nearest object pixel (Felzenszwalb and Huttenlocher), float32."""
    return cv2.distanceTransform(1 - plane, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)


def _within(distance: np.ndarray, reach: int) -> np.ndarray:
    return distance < math.sqrt(reach + 0.5)  # half way to the next possible distance: safe from rounding


@lru_cache(maxsize=32)
def _disk(reach: int) -> np.ndarray:
    steps = np.arange(-math.isqrt(reach), math.isqrt(reach) + 1)
    return (steps[:, None] ** 2 + steps**2 <= reach).astype(np.uint8)
