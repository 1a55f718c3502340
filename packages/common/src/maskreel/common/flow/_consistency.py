"""Which flow vectors to trust: forward-backward consistency, occlusion, motion boundaries."""

from __future__ import annotations

import torch

from maskreel.common.flow._checks import check_flow
from maskreel.common.flow._warp import inside, warp


def consistency_error(forward: torch.Tensor, backward: torch.Tensor) -> torch.Tensor:
    """Distance between a pixel and where it lands after going forward and back, |f(p) + b(p + f(p))|.

    Args:
        forward: float (..., 2, H, W), pixels, from frame a to frame b.
        backward: the same shape, from b to a.

    Returns:
        float (..., H, W), pixels of frame a; beyond the frame the backward flow of its nearest edge pixel counts.
    """
    _check_pair(forward, backward)
    return (forward + warp(backward, forward)).norm(dim=-3)


def occlusion(forward: torch.Tensor, backward: torch.Tensor, *, threshold: float | None = None) -> torch.Tensor:
    """Pixels of frame a that are not seen in frame b: the round trip misses, or the pixel leaves the frame.

    Without a threshold the tolerance grows with the motion, as in Sundaram, Brox and Keutzer, "Dense point trajectories
    by GPU-accelerated large displacement optical flow", ECCV 2010: occluded where
    |f + b|^2 > 0.01 (|f|^2 + |b|^2) + 0.5, with b = b(p + f(p)).

    Args:
        forward: float (..., 2, H, W), pixels, from frame a to frame b.
        backward: the same shape, from b to a.
        threshold: the largest trusted `consistency_error` in pixels, 0 or more; None for the rule above.

    Returns:
        bool (..., H, W), True where occluded.
    """
    _check_pair(forward, backward)
    if threshold is not None and not threshold >= 0:
        raise ValueError(f"threshold must be 0 or more pixels, or None, got {threshold}")
    returned = warp(backward, forward)
    missed = _squared_length(forward + returned)
    if threshold is None:
        allowed = 0.01 * (_squared_length(forward) + _squared_length(returned)) + 0.5
    else:
        allowed = torch.full_like(missed, threshold**2)
    return ~((missed <= allowed) & inside(forward))  # written so that a nan counts as occluded


def motion_boundary(flow: torch.Tensor) -> torch.Tensor:
    """Pixels where the flow changes abruptly, so that its value there is doubtful.

    The rule of Sundaram et al. (ECCV 2010): |grad u|^2 + |grad v|^2 > 0.01 |flow|^2 + 0.002, with differences to the
    right and lower neighbour (none at the last column and row).

    Args:
        flow: float (..., 2, H, W), pixels.

    Returns:
        bool (..., H, W).
    """
    check_flow(flow)
    steepness = torch.zeros_like(flow)
    steepness[..., :, :-1] += flow.diff(dim=-1).square()
    steepness[..., :-1, :] += flow.diff(dim=-2).square()
    return steepness.sum(dim=-3) > 0.01 * _squared_length(flow) + 0.002


def _squared_length(flow: torch.Tensor) -> torch.Tensor:
    return flow.square().sum(dim=-3)


def _check_pair(forward: torch.Tensor, backward: torch.Tensor) -> None:
    check_flow(forward, "forward")
    check_flow(backward, "backward")
    if forward.shape != backward.shape:
        raise ValueError(
            f"forward and backward must have one shape, got {tuple(forward.shape)} and {tuple(backward.shape)}"
        )
