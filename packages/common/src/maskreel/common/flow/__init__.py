"""Optical flow: warping with it, checking it, showing it, storing it.

A flow is float32 (..., 2, H, W) in pixels of its own resolution, channel 0 = x (to the right), channel 1 = y (down).
The flow from frame a to frame b says where each pixel p of a is found in b: at p + flow(p).
"""

from maskreel.common.flow._affine import affine_flow
from maskreel.common.flow._colour import flow_to_colour
from maskreel.common.flow._consistency import consistency_error, motion_boundary, occlusion
from maskreel.common.flow._flo import read_flo, write_flo
from maskreel.common.flow._resize import resize_flow
from maskreel.common.flow._warp import inside, warp

__all__ = [
    "affine_flow",
    "consistency_error",
    "flow_to_colour",
    "inside",
    "motion_boundary",
    "occlusion",
    "read_flo",
    "resize_flow",
    "warp",
    "write_flo",
]
