"""What all metrics ask of pictures and masks."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["check_masks", "check_pictures", "unit"]


def check_pictures(pictures: Tensor, name: str, like: Tensor | None = None) -> None:
    """Raise unless `pictures` is uint8 or float (N, 3, H, W), and of the shape and dtype of `like`.

    Raises:
        TypeError: another dtype.
        ValueError: another shape.
    """
    if pictures.ndim != 4 or pictures.shape[1] != 3:
        raise ValueError(f"{name} must have shape (N, 3, H, W), got {tuple(pictures.shape)}")
    if pictures.dtype != torch.uint8 and not pictures.is_floating_point():
        raise TypeError(f"{name} must be uint8 (0 to 255) or float (0 to 1), got {pictures.dtype}")
    if like is None:
        return
    if pictures.shape != like.shape:
        raise ValueError(f"{name} must have shape {tuple(like.shape)}, got {tuple(pictures.shape)}")
    if pictures.dtype != like.dtype:
        raise TypeError(f"{name} must be {like.dtype}, got {pictures.dtype}")


def check_masks(masks: Tensor, name: str, pictures: Tensor) -> None:
    """Raise unless `masks` is bool (N, H, W) for pictures (N, 3, H, W).

    Raises:
        TypeError: another dtype.
        ValueError: another shape.
    """
    if masks.dtype != torch.bool:
        raise TypeError(f"{name} must be torch.bool, got {masks.dtype}")
    expected = (len(pictures), *pictures.shape[-2:])
    if tuple(masks.shape) != expected:
        raise ValueError(f"{name} must have shape {expected}, got {tuple(masks.shape)}")


def unit(pictures: Tensor) -> Tensor:
    """Pictures as float in [0, 1]."""
    return pictures.float() / 255 if pictures.dtype == torch.uint8 else pictures
