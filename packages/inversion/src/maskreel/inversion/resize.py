"""Pictures at another size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.nn import functional

if TYPE_CHECKING:
    import torch

__all__ = ["resized"]


def resized(images: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Float images (B, C, H, W) at another (height, width), bilinear without aliasing; the same tensor at their own."""
    if tuple(images.shape[-2:]) == tuple(size):
        return images
    return functional.interpolate(images, size, mode="bilinear", antialias=True, align_corners=False)
