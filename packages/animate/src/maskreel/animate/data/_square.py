"""Frames of any shape as small squares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch
import torch.nn.functional as F

if TYPE_CHECKING:
    from torch import Tensor

Fit = Literal["crop", "pad", "squash"]
"""How a frame becomes a square. crop: its largest centred square, nothing is distorted or made up. pad: all of it, with
the border repeated. squash: all of it, with another aspect."""


def squared(pictures: Tensor, size: int, fit: Fit) -> Tensor:
    """uint8 (N, C, H, W) as uint8 (N, C, size, size), bilinear, antialiased where it gets smaller."""
    if fit != "squash":
        pictures = _square(pictures, min(pictures.shape[-2:]) if fit == "crop" else max(pictures.shape[-2:]))
    if pictures.shape[-2:] == (size, size):
        return pictures
    return F.interpolate(pictures, (size, size), mode="bilinear", antialias=True)


def _square(pictures: Tensor, side: int) -> Tensor:
    """The centred square; where it is larger than the picture, the nearest pixel stands."""
    for axis in (-2, -1):
        length = pictures.shape[axis]
        if length != side:
            places = torch.arange(side) + (length - side) // 2
            pictures = pictures.index_select(axis, places.clamp(0, length - 1))
    return pictures
