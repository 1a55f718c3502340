"""What is minimised in the holes of flows (Xu et al., CVPR 2019, equations 2 to 4)."""

from __future__ import annotations

import torch

__all__ = ["hard_example_loss", "hole_loss"]


def hole_loss(
    found: torch.Tensor, truth: torch.Tensor, hole: torch.Tensor, weight: torch.Tensor | None = None
) -> torch.Tensor:
    """Mean absolute error of a pixel of the hole, both components added.

    Args:
        found: float (N, C, H, W), C = 2 of every direction.
        truth: like `found`.
        hole: (N, 1, H, W), 1 in the hole, 0 elsewhere.
        weight: float (N,), of the samples; None: 1 each.

    Returns:
        Scalar: the sum of `hole * weight * |found - truth|` over everything, over the sum of `hole`. 0 without holes.
    """
    _check(found, truth, hole)
    return _mean((found - truth).abs().sum(1, keepdim=True), hole.to(found.dtype), weight)


def hard_example_loss(
    found: torch.Tensor, truth: torch.Tensor, hole: torch.Tensor, weight: torch.Tensor | None = None
) -> torch.Tensor:
    """The same over the hard pixels only: those of a hole whose error is above the median of that hole.

    The arguments are those of `hole_loss`. 0 where all the errors of a hole are equal.
    """
    _check(found, truth, hole)
    error = (found - truth).abs().sum(1, keepdim=True)
    in_hole = hole > 0
    with torch.no_grad():
        # nanmedian gives NaN without a hole, and nothing is above it.
        medians = torch.where(in_hole, error, torch.nan).float().flatten(1).nanmedian(1).values
        hard = in_hole & (error > medians[:, None, None, None])
    return _mean(error, hard.to(error.dtype), weight)


def _mean(error: torch.Tensor, chosen: torch.Tensor, weight: torch.Tensor | None) -> torch.Tensor:
    weighted = error if weight is None else error * weight[:, None, None, None]
    return (weighted * chosen).sum() / chosen.sum().clamp(min=1)


def _check(found: torch.Tensor, truth: torch.Tensor, hole: torch.Tensor) -> None:
    if found.ndim != 4 or found.shape[1] not in (2, 4):
        raise ValueError(f"found must have shape (N, 2 or 4, H, W), got {tuple(found.shape)}")
    if truth.shape != found.shape:
        raise ValueError(f"truth must have shape {tuple(found.shape)}, got {tuple(truth.shape)}")
    if hole.shape != (len(found), 1, *found.shape[2:]):
        raise ValueError(f"hole must have shape {(len(found), 1, *found.shape[2:])}, got {tuple(hole.shape)}")
