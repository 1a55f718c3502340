"""What is minimised."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from maskreel.vfp.interaction._network import Outlook

__all__ = ["laplace_loss"]


def laplace_loss(outlook: Outlook, future: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    """Mean negative log likelihood of places under Laplace distributions; a scalar, in nats per coordinate.

    Args:
        outlook: B clips of N objects.
        future: float32 (B, N, 11, 2), where they really were.
        counts: bool or float32 (B, N, 11): the weight of each place.
    """
    off = (outlook.places - future).abs().mean(-1)
    nats = off * torch.exp(-outlook.log_scale) + outlook.log_scale + math.log(2)
    weight = counts.float()
    return (torch.where(weight > 0, nats, 0.0) * weight).sum() / weight.sum().clamp(min=1)
