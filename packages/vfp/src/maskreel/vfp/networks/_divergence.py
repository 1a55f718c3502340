"""TAU's second loss: the change from frame to frame must lie where it lies in the truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.nn import functional

if TYPE_CHECKING:
    import torch


def differential_divergence(predicted: torch.Tensor, target: torch.Tensor, *, temperature: float = 0.1) -> torch.Tensor:
    """The Kullback-Leibler divergence of the frame differences, as Tan et al. weigh it (arXiv 2206.12126, equation 9).

    Differences of neighbouring frames, divided by the temperature, become a distribution over the pixels and channels;
    the terms `p * log(p / q)`, p of the prediction and q of the truth, are averaged over everything, pixels included,
    so that the value is small. The published total is `MSE + 0.1 * divergence`.

    Args:
        predicted: Frames (B, T, C, H, W).
        target: The true ones, of the same shape.
        temperature: Low values stress the largest changes.

    Returns:
        A scalar; 0 for clips of 2 frames or fewer, as published.

    Raises:
        ValueError: The shapes differ or have another number of dimensions.
    """
    if predicted.shape != target.shape or predicted.ndim != 5:
        raise ValueError(f"expected two (B, T, C, H, W) of one shape, got {predicted.shape = }, {target.shape = }")
    if predicted.shape[1] <= 2:
        return predicted.new_zeros(())
    log_p, log_q = (
        functional.log_softmax(frames.diff(dim=1).flatten(2) / temperature, dim=2) for frames in (predicted, target)
    )
    return (log_p.exp() * (log_p - log_q)).mean()
