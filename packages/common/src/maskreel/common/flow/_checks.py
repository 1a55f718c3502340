"""Guards shared by the functions of this module."""

from __future__ import annotations

import torch


def check_flow(flow: torch.Tensor, name: str = "flow") -> None:
    """Raise unless `flow` is a floating-point tensor of shape (..., 2, H, W)."""
    if not isinstance(flow, torch.Tensor) or not flow.is_floating_point():
        got = getattr(flow, "dtype", type(flow).__name__)
        raise TypeError(f"{name} must be a floating-point tensor, got {got}")
    if flow.ndim < 3 or flow.shape[-3] != 2 or 0 in flow.shape[-2:]:
        raise ValueError(f"{name} must have shape (..., 2, H, W), got {tuple(flow.shape)}")


def check_size(size: tuple[int, int]) -> None:
    """Raise unless `size` is (height, width), both at least 1."""
    if len(size) != 2 or min(size) < 1:
        raise ValueError(f"size must be (height, width) with both at least 1, got {size}")
