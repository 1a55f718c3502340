"""Flow as a picture: the Middlebury colour wheel."""

from __future__ import annotations

import math
from itertools import pairwise

import torch

from maskreel.common.flow._checks import check_flow

# Steps between the corners of the wheel, red to yellow and so on; more steps where the eye sees finer differences.
_CORNERS = [(255, 0, 0), (255, 255, 0), (0, 255, 0), (0, 255, 255), (0, 0, 255), (255, 0, 255), (255, 0, 0)]
_STEPS = [15, 6, 4, 11, 13, 6]
_UNKNOWN = 1e9  # Middlebury marks vectors without a truth by larger values


def flow_to_colour(flow: torch.Tensor, *, max_norm: float | None = None) -> torch.Tensor:
    """Paint directions as hues and lengths as saturation (Baker et al., "A Database and Evaluation Methodology for
    Optical Flow", IJCV 2011).

    Red points right, yellow down, cyan left and violet up; white is no motion.
    Vectors longer than `max_norm` are darkened, unknown ones (not finite, or beyond 1e9) black.

    Args:
        flow: float (..., 2, H, W), pixels.
        max_norm: the length in pixels of a fully saturated vector, above 0; None takes the longest vector of the
            whole tensor. Give one number to make pictures comparable.

    Returns:
        uint8 (..., 3, H, W), RGB.
    """
    check_flow(flow)
    if max_norm is not None and not max_norm > 0:
        raise ValueError(f"max_norm must be above 0 pixels, or None, got {max_norm}")
    known = (flow.abs() <= _UNKNOWN).all(dim=-3, keepdim=True)
    flow = torch.where(known, flow, 0).float()
    length = flow.norm(dim=-3, keepdim=True)
    longest = float(length.amax()) if length.numel() else 0.0
    saturation = length / (max_norm or longest or 1.0)
    hue = _hue(flow)
    colour = torch.where(saturation <= 1, 1 - saturation * (1 - hue), hue * 0.75)
    return torch.where(known, colour * 255, 0).to(torch.uint8)


def _hue(flow: torch.Tensor) -> torch.Tensor:
    """The fully saturated colour of each direction, (..., 3, H, W) in [0, 1]."""
    wheel = _wheel(flow.device)
    turn = torch.atan2(flow[..., 1, :, :], flow[..., 0, :, :]) / (2 * math.pi) % 1
    position = turn * (len(wheel) - 1)
    below = position.floor()
    above = (below.long() + 1) % len(wheel)
    colour = torch.lerp(wheel[below.long()], wheel[above], (position - below)[..., None])
    return colour.movedim(-1, -3)


def _wheel(device: torch.device) -> torch.Tensor:
    """The 55 hues, (55, 3) in [0, 1]."""
    hues = [
        [start + (end - start) * step // steps for start, end in zip(*corners, strict=True)]
        for steps, corners in zip(_STEPS, pairwise(_CORNERS), strict=True)
        for step in range(steps)
    ]
    return torch.tensor(hues, device=device) / 255
