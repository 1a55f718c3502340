"""The first guess of flow in holes, made once for every flow, which DFC-Net then improves."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from maskreel.inpaint.flow.completion import complete_flow
from maskreel.inpaint.painting.box import box_around
from maskreel.inpaint.painting.harmonic import reduced_harmonic_fill

__all__ = ["Initial", "initialise"]

Initial = Literal["laplace", "background"]

_RIM = 4  # known pixels around the hole that are looked at


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
    box = box_around(region, _RIM)
    part, hole = flow[box], region[box]
    filled = reduced_harmonic_fill(part, hole, reduction=2, least_known=0.25)
    result[box] = np.where(hole[..., None], filled, part)
    return result
