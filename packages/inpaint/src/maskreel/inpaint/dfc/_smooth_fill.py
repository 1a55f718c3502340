"""Smooth interpolation into holes inside a network: of many flows at once, on any device.

`maskreel.inpaint.painting.harmonic` does about the same to one picture on the CPU, with other levels and sweeps. The
weights that come with the package were trained with this one.
"""

from __future__ import annotations

import torch
from torch.nn import functional

__all__ = ["smooth_fill"]

_SWEEPS = 6
_MOST_SWEEPS = 48  # small levels cost nothing, and carry far


def smooth_fill(values: torch.Tensor, known: torch.Tensor, *, sweeps: int = _SWEEPS) -> torch.Tensor:
    """Fill holes about harmonically: known values are averaged into a pyramid, every finer level starts from the one
    above it and is smoothed in the hole.

    Args:
        values: float (B, C, H, W); what stands in the hole does not matter.
        known: (B, 1, H, W), 1 where known, 0 in the hole.
        sweeps: Jacobi sweeps at the finest level; twice as many at the next one, and so on up to 48.

    Returns:
        float (B, C, H, W), equal to `values` where known; zeros where nothing is known at all.
    """
    height, width = values.shape[-2:]
    if min(height, width) <= 2:
        mean = (values * known).sum((2, 3), keepdim=True) / known.sum((2, 3), keepdim=True).clamp(min=1)
        return torch.where(known > 0, values, mean)
    weight = functional.avg_pool2d(known, 2, ceil_mode=True)
    coarse = functional.avg_pool2d(values * known, 2, ceil_mode=True) / weight.clamp(min=1e-6)
    above = smooth_fill(coarse, (weight > 0).to(values.dtype), sweeps=min(2 * sweeps, _MOST_SWEEPS))
    guess = functional.interpolate(above, (height, width), mode="bilinear", align_corners=False)
    filled = torch.where(known > 0, values, guess)
    for _ in range(sweeps):
        padded = functional.pad(filled, (1, 1, 1, 1), mode="replicate")
        around = padded[..., :-2, 1:-1] + padded[..., 2:, 1:-1] + padded[..., 1:-1, :-2] + padded[..., 1:-1, 2:]
        filled = torch.where(known > 0, values, around / 4)
    return filled
