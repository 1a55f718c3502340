"""Brightness and contrast."""

from __future__ import annotations

import torch

__all__ = ["recolour"]


def recolour(images: torch.Tensor, brightness: torch.Tensor, contrast: torch.Tensor) -> torch.Tensor:
    """Stretch each image (B, 3, H, W) about its mean, add the brightness, and clip to [0, 1].

    Both changes are made before the one clip, so that the order of them loses nothing. A clipped pixel gets no gradient
    from this view: the network does not see it change.
    """
    factor = contrast.to(images)[:, None, None, None]
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    offset = mean * (1 - factor) + brightness.to(images)[:, None, None, None]
    return torch.addcmul(offset, images, factor).clamp(0, 1)
