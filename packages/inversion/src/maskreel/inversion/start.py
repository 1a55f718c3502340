"""The noise that frames start from."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from maskreel.inversion.config import InversionConfig

__all__ = ["GREY", "IMAGENET_MEAN", "IMAGENET_STD", "SPREAD", "noise"]

GREY, SPREAD = 0.5, 0.1
"""Mean and standard deviation of weak noise."""
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""What the thesis and DeepInversion normalise pixels by."""


def noise(config: InversionConfig, frames: Iterable[int], size: tuple[int, int]) -> torch.Tensor:
    """float32 (B, 3, H, W): noise that depends on the seed and the number of a frame, not on the group it is in."""
    images = torch.stack([_normal(zlib.crc32(f"{config.seed} frame {number}".encode()), size) for number in frames])
    if config.start == "normal":
        mean, std = (torch.tensor(values)[:, None, None] for values in (IMAGENET_MEAN, IMAGENET_STD))
        return mean + std * images
    return (GREY + SPREAD * images[:, :1]).clamp(0, 1).expand(-1, 3, -1, -1)


def _normal(seed: int, size: tuple[int, int]) -> torch.Tensor:
    return torch.randn(3, *size, generator=torch.Generator().manual_seed(seed))
