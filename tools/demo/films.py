"""Short films for the page, in colours and sizes that every browser plays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from maskreel.common.video import Clip, write

if TYPE_CHECKING:
    from fractions import Fraction
    from pathlib import Path

__all__ = ["WIDTH", "enlarged", "save_film", "white_on_black"]

WIDTH = 480
"""Pixels of a film on the page."""


def save_film(path: Path, frames: torch.Tensor, fps: Fraction, *, width: int = WIDTH) -> None:
    """Write uint8 (T, 3, H, W) as H.264 of that width and an even height."""
    write(path, Clip(enlarged(frames, width=width), fps), crf=22)


def enlarged(frames: torch.Tensor, *, width: int = WIDTH) -> torch.Tensor:
    """Frames or pictures, uint8 (..., 3, H, W), larger or smaller, with even sides."""
    import cv2

    height = 2 * round(frames.shape[-2] * width / frames.shape[-1] / 2)
    manner = cv2.INTER_AREA if width < frames.shape[-1] else cv2.INTER_CUBIC
    flat = frames.reshape(-1, *frames.shape[-3:]).permute(0, 2, 3, 1).contiguous().numpy()
    scaled = [torch.from_numpy(cv2.resize(one, (width, height), interpolation=manner)) for one in flat]
    return torch.stack(scaled).permute(0, 3, 1, 2).contiguous().reshape(*frames.shape[:-2], height, width)


def white_on_black(masks: torch.Tensor) -> torch.Tensor:
    """Bool or soft masks (T, H, W) as frames uint8 (T, 3, H, W)."""
    return (masks.float() * 255).round().to(torch.uint8)[:, None].expand(-1, 3, -1, -1).contiguous()
