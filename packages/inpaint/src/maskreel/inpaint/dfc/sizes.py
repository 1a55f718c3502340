"""The sizes at which the stages of DFC-Net work, and flows brought from one size to another."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from torch.nn import functional

from maskreel.inpaint.dfc.windows import limited

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

__all__ = ["FRACTIONS", "PUBLISHED_SIZES", "resize_flows", "resize_masks", "stage_sizes"]

FRACTIONS = (1 / 2, 2 / 3, 1.0)
"""Sizes of the stages as fractions of the frame's, as in the paper."""
PUBLISHED_SIZES = ((240, 424), (320, 600), (480, 840))
"""(height, width) of the stages that the published weights were made for; the second is wider than 2 / 3 of 840."""

# The network's output stride: multiples keep its grid of features regular, at the edges of tiles too.
_MULTIPLE = 8


def stage_sizes(
    size: tuple[int, int], *, fractions: Sequence[float] = FRACTIONS, work_height: int | None = 480
) -> tuple[tuple[int, int], ...]:
    """(height, width) of every stage for frames of `size`: multiples of 8, the proportions kept but for that.

    Args:
        size: (height, width) of the frames.
        fractions: the stages' sizes as fractions of the frame's.
        work_height: frames that are higher are taken for frames of this height; None: never.
    """
    if min(size) < 1:
        raise ValueError(f"size must be positive, got {size}")
    if not fractions or any(not 0 < fraction <= 1 for fraction in fractions):
        raise ValueError(f"fractions must be above 0 and at most 1, and at least one, got {tuple(fractions)}")
    if work_height is not None and work_height < 1:
        raise ValueError(f"work_height must be positive or None, got {work_height}")
    scale = 1.0 if work_height is None else min(1.0, work_height / size[0])
    return tuple((_rounded(size[0] * scale * f), _rounded(size[1] * scale * f)) for f in fractions)


def resize_flows(flows: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Flows (..., 2, h, w) at another (height, width), in pixels of that size, limited to it. Differentiable."""
    height, width = flows.shape[-2:]
    if (height, width) == tuple(size):
        return limited(flows)
    planes = limited(flows).reshape(-1, 2, height, width)
    shrinks = size[0] < height or size[1] < width
    planes = functional.interpolate(planes, size, mode="bilinear", align_corners=False, antialias=shrinks)
    stretch = planes.new_tensor([size[1] / width, size[0] / height])[:, None, None]
    return (planes * stretch).reshape(*flows.shape[:-2], *size)


def resize_masks(masks: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Masks (..., 1, h, w) at another (height, width): set wherever one of the pixels underneath is."""
    planes = masks.reshape(-1, 1, *masks.shape[-2:])
    return functional.adaptive_max_pool2d(planes.float(), size).to(masks.dtype).reshape(*masks.shape[:-2], *size)


def _rounded(length: float) -> int:
    return max(_MULTIPLE, _MULTIPLE * math.floor(length / _MULTIPLE + 0.5))
