"""Forecasts of frames that need no training."""

from __future__ import annotations

import torch

from maskreel.vfp.timeline import FRAMES, OBSERVED

__all__ = ["copy_last_frame", "extrapolate_frames"]


def copy_last_frame(frames: torch.Tensor, steps: int = FRAMES - OBSERVED) -> torch.Tensor:
    """The last observed frame again and again.

    Args:
        frames: uint8 (..., T, 3, H, W).
        steps: Frames to forecast.

    Returns:
        uint8 (..., steps, 3, H, W).
    """
    _check(frames, 1, steps)
    return frames[..., -1:, :, :, :].repeat_interleave(steps, dim=-4)


def extrapolate_frames(frames: torch.Tensor, steps: int = FRAMES - OBSERVED) -> torch.Tensor:
    """Every pixel goes on as it changed last: frame k after the last is last + k (last - the one before), clipped.

    Shapes as in `copy_last_frame`; T must be 2 or more.
    """
    _check(frames, 2, steps)
    before, last = (frames[..., index, :, :, :].to(torch.int16).unsqueeze(-4) for index in (-2, -1))
    ahead = torch.arange(1, steps + 1, dtype=torch.int16, device=frames.device)[:, None, None, None]
    return (last + ahead * (last - before)).clamp(0, 255).to(torch.uint8)


def _check(frames: torch.Tensor, least: int, steps: int) -> None:
    if frames.dtype != torch.uint8:
        raise TypeError(f"frames must be uint8, got {frames.dtype}")
    if frames.ndim < 4 or frames.shape[-3] != 3 or frames.shape[-4] < least:
        raise ValueError(
            f"frames must have shape (..., T, 3, H, W) with T of {least} or more, got {tuple(frames.shape)}"
        )
    if not 1 <= steps <= 127:
        raise ValueError(f"steps must be 1 to 127, got {steps}")
