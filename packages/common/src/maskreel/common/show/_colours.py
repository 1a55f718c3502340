"""Colours with a meaning: a palette that tells objects apart, and a map from numbers to colours."""

from __future__ import annotations

import torch

__all__ = ["PALETTE", "heatmap"]

PALETTE: tuple[tuple[int, int, int], ...] = (
    (230, 57, 70),
    (29, 145, 226),
    (255, 183, 3),
    (42, 157, 96),
    (155, 93, 229),
    (0, 187, 186),
    (255, 112, 32),
    (241, 91, 181),
)
"""RGB colours for objects 0, 1, 2, ...; it starts again after the last."""

NOT_A_NUMBER = 128  # grey, which the colour map never shows


def heatmap(values: torch.Tensor, *, limits: tuple[float, float] | None = None) -> torch.Tensor:
    """Colours from dark violet (low) over green to yellow (high), in even steps to the eye (viridis).

    Args:
        values: Real numbers (H, W); those that are not finite come out grey.
        limits: Values of the darkest and the brightest colour, beyond which it stays; None means the range of `values`.

    Returns:
        uint8 (3, H, W), RGB.

    Raises:
        ValueError: `values` is not two-dimensional, or the limits are not in rising order.
    """
    import cv2

    if values.ndim != 2:
        raise ValueError(f"values must have shape (H, W), got {tuple(values.shape)}")
    numbers = values.detach().cpu().double()
    known = numbers.isfinite()
    low, high = _range(numbers[known]) if limits is None else limits
    if limits is not None and not low < high:
        raise ValueError(f"limits must be (low, high) with low < high, got {limits}")
    levels = ((numbers - low) / max(high - low, 1e-12) * 255).clamp(0, 255).nan_to_num().round().to(torch.uint8)
    bgr = cv2.applyColorMap(levels.numpy(), cv2.COLORMAP_VIRIDIS)
    colours = torch.from_numpy(bgr).flip(-1).permute(2, 0, 1).contiguous()
    return colours.masked_fill_(~known, NOT_A_NUMBER)


def _range(numbers: torch.Tensor) -> tuple[float, float]:
    return (float(numbers.min()), float(numbers.max())) if numbers.numel() else (0.0, 1.0)
