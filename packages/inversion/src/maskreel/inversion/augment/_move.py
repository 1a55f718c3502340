"""Flips and shifts of images and of targets."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from maskreel.inversion.targets import FrameTarget

__all__ = ["move_images", "move_target"]


def move_images(images: torch.Tensor, shift: torch.Tensor, flip: torch.Tensor) -> torch.Tensor:
    """Flip and shift each of (B, C, H, W), with the mirrored image where a shift uncovers what was outside.

    A shift never wraps: `torch.roll` would tear an object at the border into two whose common box is the whole frame.
    """
    height, width = images.shape[-2:]
    rows, columns = _reflected(height, shift[:, 1]), _reflected(width, shift[:, 0])
    columns = torch.where(flip[:, None], width - 1 - columns, columns)
    # one gather over flat pixels: a third of the time of slices and padding, a sixth of that of two indices
    source = (rows[:, :, None] * width + columns[:, None, :]).flatten(1).to(images.device, non_blocking=True)
    pixels = images.flatten(2)
    return pixels.gather(2, source[:, None].expand_as(pixels)).view_as(images)


def move_target(target: FrameTarget, x: int, y: int, *, flip: bool) -> FrameTarget:
    """Flip and shift masks and void; the uncovered margin is void."""
    masks = _shifted(target.masks.flip(-1) if flip else target.masks, x, y, fill=False)
    if not (x or y):
        void = target.void.flip(-1) if flip and target.void is not None else target.void
        return replace(target, masks=masks, void=void)
    void = torch.zeros_like(target.masks[0]) if target.void is None else target.void
    return replace(target, masks=masks, void=_shifted(void.flip(-1) if flip else void, x, y, fill=True))


def _reflected(length: int, shift: torch.Tensor) -> torch.Tensor:
    """For each shift the source of every pixel, int64 (B, length); shifts are shorter than the length."""
    source = (torch.arange(length) - shift[:, None]).abs()
    return torch.where(source > length - 1, 2 * (length - 1) - source, source)


def _shifted(planes: torch.Tensor, x: int, y: int, *, fill: bool) -> torch.Tensor:
    if not (x or y):
        return planes
    height, width = planes.shape[-2:]
    result = torch.full_like(planes, fill)
    target_rows, source_rows = _overlap(height, y)
    target_columns, source_columns = _overlap(width, x)
    result[..., target_rows, target_columns] = planes[..., source_rows, source_columns]
    return result


def _overlap(length: int, shift: int) -> tuple[slice, slice]:
    """Where the pixels go that stay in the frame, and where they were."""
    return slice(max(shift, 0), length + min(shift, 0)), slice(max(-shift, 0), length - max(shift, 0))
