"""Whether frames repeat real ones: the nearest real frame, against what is usual between different videos."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from maskreel.common.metrics import psnr, ssim

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Nearest", "nearest_frames"]

_CANDIDATES = 3
"""Nearest frames by PSNR among which that by SSIM is sought."""
_SAME = 100.0
"""dB of equal pictures, so that means stay finite."""


@dataclass(frozen=True)
class Nearest:
    """The real frame nearest to a picture."""

    place: int
    psnr: float
    """dB, at most 100."""
    ssim: float
    """The highest among the three frames nearest by PSNR."""


def nearest_frames(pictures: torch.Tensor, videos: Sequence[torch.Tensor]) -> list[Nearest]:
    """For each picture the nearest frame of some real videos; places count through all of them.

    Were frames recalled from the teacher's training, they would lie nearer to real frames than masks and background
    explain: compare with the same number for other videos, and for control pictures made from the masks alone.

    Args:
        pictures: uint8 (T, 3, H, W).
        videos: uint8 (T_i, 3, H, W) each.

    Raises:
        ValueError: There is no real frame, or one has another size.
    """
    if not sum(map(len, videos)) or any(video.shape[1:] != pictures.shape[1:] for video in videos):
        shapes = [tuple(video.shape) for video in videos]
        raise ValueError(f"videos must hold frames of shape {tuple(pictures.shape[1:])}, got {shapes}")
    real = torch.cat(list(videos))
    error = torch.cat([_squared_distances(pictures, part) for part in real.split(32)], dim=1)
    return [_nearest(one, real, row) for one, row in zip(pictures, error, strict=True)]


def mean_of(found: Sequence[Nearest], field: str) -> float:
    """Mean of a field; nan without a picture."""
    return math.fsum(getattr(one, field) for one in found) / len(found) if found else math.nan


def _nearest(picture: torch.Tensor, real: torch.Tensor, error: torch.Tensor) -> Nearest:
    order = error.argsort()[:_CANDIDATES].tolist()
    likeness = {place: min(float(psnr(picture, real[place])), _SAME) for place in order}
    best = max(likeness, key=lambda place: likeness[place])
    return Nearest(best, likeness[best], max(float(ssim(picture, real[place])) for place in order))


def _squared_distances(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """float32 (T, R), up to rounding: only to find candidates."""
    x, y = (one.flatten(1).float() - 127.5 for one in (a, b))
    return x.square().sum(1)[:, None] + y.square().sum(1) - 2 * x @ y.T
