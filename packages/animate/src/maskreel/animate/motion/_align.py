"""Masks moved and scaled without changing their shape."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["aligned"]

_FINEST = 4
"""Most samples along each side of a pixel."""


def aligned(masks: Tensor, *, centre: Tensor, to: Tensor, scale: Tensor) -> Tensor:
    """Scale masks about `centre` and bring that point to `to`, bilinearly, all of them alike.

    What an edge of the picture cuts off is taken to go on beyond it.

    Args:
        masks: float (N, 1, h, w).
        centre: x and y in pixels, (1, 2).
        to: x and y in pixels, (1, 2).
        scale: above 0, (1,).

    Returns:
        float (N, 1, h, w).
    """
    count, _, height, width = masks.shape
    fine = min(_FINEST, max(1, round(1 / scale.item())))  # against skipping pixels
    rows, columns = (_places(n, fine, masks) for n in (height, width))
    here = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), dim=-1)
    there = (here - to) / scale + centre
    size = torch.tensor([width, height], device=masks.device, dtype=torch.float32)
    grid = ((there * 2 + 1) / size - 1).expand(count, -1, -1, -1)
    sampled = F.grid_sample(masks.float(), grid, padding_mode="border", align_corners=False)
    return F.avg_pool2d(sampled, fine).to(masks.dtype) if fine > 1 else sampled.to(masks.dtype)


def _places(length: int, fine: int, like: Tensor) -> Tensor:
    """Centres of `fine` parts of each pixel."""
    return (torch.arange(length * fine, device=like.device, dtype=torch.float32) + 0.5) / fine - 0.5
