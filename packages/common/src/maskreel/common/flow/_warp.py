"""Backward warping: sample an image where a flow points."""

from __future__ import annotations

from typing import Literal

import torch
from torch.nn import functional as F

from maskreel.common.flow._checks import check_flow


def warp(
    image: torch.Tensor,
    flow: torch.Tensor,
    *,
    mode: Literal["bilinear", "nearest"] = "bilinear",
    padding: Literal["border", "zeros"] = "border",
) -> torch.Tensor:
    """Sample `image` at p + flow(p) for every pixel p.

    With the flow from frame a to frame b, `warp(b, flow)` shows b as seen from a. Pixel centres have whole-number
    coordinates. Float images are differentiable in both inputs.

    Args:
        image: (..., C, H, W) float, uint8, or, with `mode="nearest"`, bool.
        flow: float (..., 2, H, W), pixels; its leading dimensions broadcast with those of `image`.
        mode: "nearest" copies pixels (half-way positions go to the even pixel), so it keeps labels and masks intact.
        padding: what lies outside the image: its nearest edge pixel, or zeros. With bilinear zeros, a position
            less than one pixel outside is a blend of the edge and zero.

    Returns:
        (..., C, H, W), the dtype and device of `image`; uint8 is rounded, not truncated.

    Raises:
        TypeError: `image` has another dtype, or is bool with `mode="bilinear"`; `flow` is not floating point.
        ValueError: shapes do not fit, or `mode` or `padding` is unknown.
    """
    _check_warp(image, flow, mode, padding)
    leading = torch.broadcast_shapes(image.shape[:-3], flow.shape[:-3])
    channels, height, width = image.shape[-3:]
    # float16 cannot hold the coordinate of a pixel, so positions and weights are float32 at least
    work = image if image.dtype == torch.float64 else image.float()
    sampled = F.grid_sample(
        work.expand(*leading, channels, height, width).reshape(-1, channels, height, width),
        _sampling_grid(flow.to(work.dtype)).expand(*leading, height, width, 2).reshape(-1, height, width, 2),
        mode=mode,
        padding_mode=padding,
        align_corners=True,
    ).reshape(*leading, channels, height, width)
    return sampled.round().to(image.dtype) if image.dtype == torch.uint8 else sampled.to(image.dtype)


def inside(flow: torch.Tensor) -> torch.Tensor:
    """Tell for every pixel p whether p + flow(p) lies in the frame, its edge pixels included.

    Args:
        flow: float (..., 2, H, W), pixels.

    Returns:
        bool (..., H, W); False also where the flow is nan.
    """
    check_flow(flow)
    height, width = flow.shape[-2:]
    rows, columns = _pixel_coordinates(flow)
    x, y = columns + flow[..., 0, :, :], rows + flow[..., 1, :, :]
    return (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)


def _pixel_coordinates(flow: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Row (H, 1) and column (W,) numbers, at least float32."""
    dtype = torch.promote_types(flow.dtype, torch.float32)
    height, width = flow.shape[-2:]
    rows = torch.arange(height, dtype=dtype, device=flow.device)
    return rows[:, None], torch.arange(width, dtype=dtype, device=flow.device)


def _sampling_grid(flow: torch.Tensor) -> torch.Tensor:
    """The positions p + flow(p) as grid_sample wants them: (..., H, W, 2), -1 and 1 at the outermost pixel centres."""
    height, width = flow.shape[-2:]
    rows, columns = _pixel_coordinates(flow)
    x = (columns + flow[..., 0, :, :]) * (2 / max(width - 1, 1)) - 1
    y = (rows + flow[..., 1, :, :]) * (2 / max(height - 1, 1)) - 1
    return torch.stack((x, y), dim=-1)


def _check_warp(image: torch.Tensor, flow: torch.Tensor, mode: str, padding: str) -> None:
    check_flow(flow)
    if mode not in ("bilinear", "nearest"):
        raise ValueError(f"mode must be 'bilinear' or 'nearest', got {mode!r}")
    if padding not in ("border", "zeros"):
        raise ValueError(f"padding must be 'border' or 'zeros', got {padding!r}")
    if not image.is_floating_point() and image.dtype not in (torch.uint8, torch.bool):
        raise TypeError(f"image must be float, uint8 or bool, got {image.dtype}")
    if image.dtype == torch.bool and mode != "nearest":
        raise TypeError("a bool image cannot be blended: use mode='nearest'")
    if image.ndim < 3 or image.shape[-2:] != flow.shape[-2:]:
        raise ValueError(
            f"image must have shape (..., C, H, W) and the H, W of flow {tuple(flow.shape)}, got {tuple(image.shape)}"
        )
