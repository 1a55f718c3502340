"""Fitting a picture of any size to the size of the result."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch.nn.functional as F

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["fitted"]


def fitted(pictures: Tensor, size: tuple[int, int]) -> Tensor:
    """The largest centred part of the right shape, resized: it covers all of `size`, and nothing is stretched.

    What sticks out is cut off before resizing, at whole pixels.

    Args:
        pictures: uint8 (N, C, h, w), or float of any range.
        size: (height, width) of the result.

    Returns:
        (N, C, *size), of the same dtype; bicubic for uint8 and bilinear for float, filtered where it shrinks.
    """
    if tuple(pictures.shape[-2:]) == tuple(size):
        return pictures
    part = _central_part(pictures, size)
    if pictures.is_floating_point():
        return F.interpolate(part, size, mode="bilinear", antialias=True)
    resized = F.interpolate(part.float(), size, mode="bicubic", antialias=True)
    return resized.round_().clamp_(0, 255).to(pictures.dtype)


def _central_part(pictures: Tensor, size: tuple[int, int]) -> Tensor:
    height, width = pictures.shape[-2:]
    scale = max(size[0] / height, size[1] / width)
    rows, columns = (
        min(max(round(wanted / scale), 1), there) for wanted, there in zip(size, (height, width), strict=True)
    )
    top, left = (height - rows) // 2, (width - columns) // 2
    return pictures[..., top : top + rows, left : left + columns]
