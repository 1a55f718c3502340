"""What a painted hole is measured by during training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch.nn import functional

if TYPE_CHECKING:
    import torch

__all__ = ["FillLoss", "fill_losses"]

_SCALES = (1, 2, 4)


@dataclass(frozen=True)
class FillLoss:
    """Weights of the parts of the loss."""

    pixels: float = 1.0
    """Absolute difference of the colours in the hole."""
    areas: float = 1.0
    """The same of means over 8x8 pixels: the colour of an area must be right even where its texture cannot be."""
    edges: float = 1.0
    """Absolute error of the differences between neighbours at three scales, also across the border of the hole."""


def fill_losses(
    painted: torch.Tensor, truth: torch.Tensor, hole: torch.Tensor, weights: FillLoss
) -> dict[str, torch.Tensor]:
    """Means over the pixels of the holes of a batch.

    Args:
        painted: float32 (N, 3, H, W), equal to the truth outside the hole.
        truth: The same shape.
        hole: float32 (N, 1, H, W), 1 in the hole.
        weights: Of the parts.
    """
    error = painted - truth
    size = hole.sum().clamp(min=1)
    edges = sum(_slopes(functional.avg_pool2d(error, scale)) * scale**2 for scale in _SCALES) / len(_SCALES)
    return {
        "pixels": weights.pixels * error.abs().sum() / (3 * size),
        "areas": weights.areas * functional.avg_pool2d(error, 8).abs().sum() * 64 / (3 * size),
        "edges": weights.edges * edges / (3 * size),
    }


def _slopes(error: torch.Tensor) -> torch.Tensor:
    """Sum of the absolute differences between neighbours."""
    return error.diff(dim=-1).abs().sum() + error.diff(dim=-2).abs().sum()
