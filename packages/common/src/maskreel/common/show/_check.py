"""The one check that every picture goes through."""

from __future__ import annotations

import torch


def check_image(image: torch.Tensor, name: str = "image") -> torch.Tensor:
    """Return `image` if it is uint8 (3, H, W) with at least one pixel.

    Raises:
        TypeError: It is not a uint8 tensor.
        ValueError: Its shape is another.
    """
    if not isinstance(image, torch.Tensor) or image.dtype != torch.uint8:
        raise TypeError(f"{name} must be a torch.uint8 tensor, got {getattr(image, 'dtype', type(image).__name__)}")
    if image.ndim != 3 or image.shape[0] != 3 or 0 in image.shape:
        raise ValueError(f"{name} must have shape (3, H, W), got {tuple(image.shape)}")
    return image
