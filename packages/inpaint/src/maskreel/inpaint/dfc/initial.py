"""The first guess of flow in holes, made once for every flow, which DFC-Net then improves."""

from __future__ import annotations

from typing import Literal, get_args

import cv2
import numpy as np

from maskreel.inpaint.flow.completion import complete_flow
from maskreel.inpaint.painting.harmonic import reduced_harmonic_fill

__all__ = ["Initial", "initialise"]

Initial = Literal["laplace", "background"]


def initialise(flow: np.ndarray, region: np.ndarray, how: Initial = "laplace") -> np.ndarray:
    """Fill a hole smoothly.

    Args:
        flow: float32 (H, W, 2), pixels; what stands in the hole does not matter.
        region: bool (H, W), the hole.
        how: laplace: Laplace's equation at half the size, as published. background: see `complete_flow`.

    Returns:
        float32 (H, W, 2), equal to `flow` outside the hole.
    """
    if how not in get_args(Initial):
        raise ValueError(f"how must be one of {', '.join(get_args(Initial))}, got {how!r}")
    if not region.any():
        return flow.copy()
    flow = np.where(region[..., None], np.float32(0), flow)  # NaN there would spread
    if how == "background":
        return complete_flow(flow, region)
    result = flow.copy()
    rows, columns = _surroundings(region)
    part, hole = flow[rows, columns], region[rows, columns]
    filled = reduced_harmonic_fill(part, hole, reduction=2, least_known=0.25)
    result[rows, columns] = np.where(hole[..., None], filled, part)
    return result


def _surroundings(region: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns of the hole and of a rim of known pixels around it, where the frame has them."""
    x, y, width, height = cv2.boundingRect(region.view(np.uint8))
    rim = 4
    return slice(max(0, y - rim), y + height + rim), slice(max(0, x - rim), x + width + rim)
