"""Rectangles that hide a part of an image (Zhong et al. 2017, random erasing), and what of its objects is then left."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maskreel.inversion.targets import FrameTarget

__all__ = ["erase_images", "erase_target"]

LEAST_LEFT = 0.5
"""Of an object's area, for it to be still asked for."""


def erase_images(images: torch.Tensor, rectangles: torch.Tensor, colours: torch.Tensor) -> torch.Tensor:
    """Paint rectangles (B, K, 4) in colours (B, K, 3), later ones on top; hidden pixels get no gradient."""
    hidden = torch.zeros(len(images), 1, *images.shape[-2:], dtype=torch.bool)
    paint = torch.zeros(images.shape, dtype=images.dtype)
    for index, image_rectangles in enumerate(rectangles.tolist()):
        for (x0, y0, x1, y1), colour in zip(image_rectangles, colours[index], strict=True):
            hidden[index, :, y0:y1, x0:x1] = True
            paint[index, :, y0:y1, x0:x1] = colour[:, None, None]
    return torch.where(hidden.to(images.device), paint.to(images.device), images)


def erase_target(target: FrameTarget, rectangles: Sequence[Sequence[int]], *, areas: torch.Tensor) -> FrameTarget:
    """Make rectangles void, and drop objects of which less than half is left.

    Args:
        target: The moved target.
        rectangles: Half-open x0, y0, x1, y1.
        areas: int64 (N,), pixels of the masks before they were moved.
    """
    hidden = _cover(target, rectangles)
    left = (target.masks & ~hidden).flatten(1).sum(1)
    kept = left >= LEAST_LEFT * areas
    masks = target.masks & kept[:, None, None]
    unknown = hidden | (target.masks.any(0) & ~masks.any(0))
    if target.void is None and not unknown.any():
        return target
    return replace(target, masks=masks, void=unknown if target.void is None else target.void | unknown)


def _cover(target: FrameTarget, rectangles: Sequence[Sequence[int]]) -> torch.Tensor:
    cover = torch.zeros(target.size, dtype=torch.bool, device=target.masks.device)
    for x0, y0, x1, y1 in rectangles:
        cover[y0:y1, x0:x1] = True
    return cover
