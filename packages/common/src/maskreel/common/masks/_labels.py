"""Label maps: one object number per pixel, as DAVIS and Pascal VOC store them."""

from __future__ import annotations

import torch

VOID = 255
"""The label of pixels that belong neither to an object nor to the background: not annotated."""


def binary(labels: torch.Tensor) -> torch.Tensor:
    """Return a bool tensor, True where uint8 `labels` (..., H, W) name an object: neither 0 nor `VOID`."""
    require_labels(labels)
    return (labels != 0) & (labels != VOID)


def require_masks(masks: torch.Tensor, name: str = "masks") -> None:
    """Raise TypeError or ValueError unless `masks` is torch.bool of shape (..., H, W) with pixels in it."""
    _require(masks, torch.bool, name)


def require_labels(labels: torch.Tensor, name: str = "labels") -> None:
    """Raise TypeError or ValueError unless `labels` is torch.uint8 of shape (..., H, W) with pixels in it."""
    _require(labels, torch.uint8, name)


def _require(value: torch.Tensor, dtype: torch.dtype, name: str) -> None:
    if not isinstance(value, torch.Tensor) or value.dtype != dtype:
        raise TypeError(f"{name} must be a {dtype} tensor, got {getattr(value, 'dtype', type(value).__name__)}")
    if value.ndim < 2 or 0 in value.shape[-2:]:
        raise ValueError(f"{name} must have shape (..., H, W) with H and W above 0, got {tuple(value.shape)}")
