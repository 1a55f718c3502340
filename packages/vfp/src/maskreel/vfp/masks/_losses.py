"""Cross entropy between forecasts and shares of classes in cells."""

from __future__ import annotations

import torch

__all__ = ["forecast_loss"]


def forecast_loss(
    logits: torch.Tensor, shares: torch.Tensor, *, frame_weights: torch.Tensor, object_weight: float
) -> torch.Tensor:
    """Mean cross entropy over the cells of all frames; a cell may hold several classes in part.

    Args:
        logits: float (B, F, 1 + K, h, w), of the background and the classes.
        shares: float (B, F, K, h, w): true shares of the classes; the rest of a cell is background.
        frame_weights: float (F,), with a mean of 1.
        object_weight: Weight of objects' cells against those of the background, which are far more.
    """
    rest = 1 - shares.sum(2, keepdim=True)
    truth = torch.cat([rest.clamp(min=0), shares], 2)
    weight = torch.cat([torch.ones_like(rest), torch.full_like(shares, object_weight)], 2)
    entropy = -(truth * weight * logits.float().log_softmax(2)).sum(2)
    return (entropy.mean((0, 2, 3)) * frame_weights).mean()
