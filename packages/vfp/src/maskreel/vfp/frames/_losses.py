"""Losses of predicted frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from maskreel.vfp.networks import differential_divergence

if TYPE_CHECKING:
    from maskreel.vfp.frames._config import FrameLoss

__all__ = ["frame_losses"]

CHANGED = 0.02
"""A pixel has changed if its mean colour differs by more, in a range of 1."""


def frame_losses(
    predicted: torch.Tensor,
    future: torch.Tensor,
    known: torch.Tensor,
    newest: torch.Tensor,
    *,
    std: torch.Tensor,
    config: FrameLoss,
) -> dict[str, torch.Tensor]:
    """Losses by name, each a mean over the known frames.

    Args:
        predicted: (B, n, 3, H, W) in [0, 1].
        future: The truth, likewise.
        known: bool (B, n): frames that the truth really has, the first ones.
        newest: The newest observed frame, (B, 1, 3, H, W).
        std: Of the data, (3, 1, 1).
        config: Weights of the losses.
    """
    error = (predicted - future) / std
    weight = _pixel_weights(future, newest, config.changed) * _shares(known)[..., None, None, None]
    losses = {"mse": (weight * error.square()).mean((2, 3, 4)).sum()}
    if config.l1:
        losses["l1"] = config.l1 * (weight * error.abs()).mean((2, 3, 4)).sum()
    if config.divergence:
        losses["divergence"] = config.divergence * _divergence(predicted / std, future / std, known)
    return losses


def _pixel_weights(future: torch.Tensor, newest: torch.Tensor, changed: float) -> torch.Tensor:
    """1, or `changed` where the truth is not as in the newest observed frame; (B, n, 1, H, W)."""
    moved = ((future - newest).mean(2, keepdim=True).abs() > CHANGED).to(future.dtype)
    return 1 + (changed - 1) * moved


def _shares(known: torch.Tensor) -> torch.Tensor:
    """Weights of frames, bool (B, n) to (B, n): each sample counts alike, so that a batch may be divided anyhow."""
    return known / (len(known) * known.sum(1, keepdim=True).clamp(min=1))


def _divergence(predicted: torch.Tensor, future: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """The mean over the samples, of each of which only the known frames are compared."""
    samples = zip(predicted.split(1), future.split(1), known.sum(1).tolist(), strict=True)
    return torch.stack([differential_divergence(ours[:, :n], theirs[:, :n]) for ours, theirs, n in samples]).mean()
