"""Masks drawn over frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from maskreel.common.show._colours import PALETTE

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["overlay"]

LINE_SHARE = 1 / 240
"""Width of the outline as a share of the frame's height; at least one pixel."""


def overlay(
    frames: torch.Tensor,
    masks: torch.Tensor,
    *,
    alpha: float = 0.5,
    palette: Sequence[tuple[int, int, int]] = PALETTE,
) -> torch.Tensor:
    """Tint every object in a colour of its own and draw its outline inside its edge; later objects lie on top.

    Args:
        frames: uint8 (T, 3, H, W), or (3, H, W) for one image.
        masks: bool (T, H, W), or (T, N, H, W) for N objects; without T for one image.
        alpha: Share of the colour in the tint; 0 leaves the outline only, 1 hides the object.
        palette: RGB of object 0, 1, ..., used in turn.

    Returns:
        A new tensor of the shape of `frames`.

    Raises:
        TypeError: `frames` is not uint8 or `masks` not bool.
        ValueError: The shapes do not fit, `alpha` is outside 0 to 1, or `palette` is empty.
    """
    _check(frames, masks, alpha, palette)
    if frames.ndim == 3:
        return overlay(frames[None], masks[None], alpha=alpha, palette=palette)[0]
    stacks = masks if masks.ndim == 4 else masks[:, None]
    tinted = frames.clone()
    for frame, stack in zip(tinted, stacks, strict=True):  # frame by frame, so that floats never fill the memory
        for index, mask in enumerate(stack):
            _tint(frame, mask, palette[index % len(palette)], alpha)
    return tinted


def _tint(frame: torch.Tensor, mask: torch.Tensor, rgb: tuple[int, int, int], alpha: float) -> None:
    colour = torch.tensor(rgb, dtype=torch.float32, device=frame.device)[:, None]
    frame[:, mask] = (frame[:, mask] * (1 - alpha) + colour * alpha).round().to(torch.uint8)
    frame[:, _outline(mask)] = colour.to(torch.uint8)


def _outline(mask: torch.Tensor) -> torch.Tensor:
    """The pixels of `mask` (H, W) that lie within a line's width of its edge; the frame's border is no edge."""
    import cv2

    width = 2 * max(1, round(mask.shape[0] * LINE_SHARE)) + 1
    inside = cv2.erode(mask.to(torch.uint8).cpu().numpy(), np.ones((width, width), np.uint8))
    return mask & ~torch.from_numpy(inside).bool().to(mask.device)


def _check(frames: torch.Tensor, masks: torch.Tensor, alpha: float, palette: Sequence[tuple[int, int, int]]) -> None:
    if frames.dtype != torch.uint8 or masks.dtype != torch.bool:
        raise TypeError(f"frames must be uint8 and masks bool, got {frames.dtype} and {masks.dtype}")
    if frames.ndim not in (3, 4) or frames.shape[-3] != 3:
        raise ValueError(f"frames must have shape (T, 3, H, W) or (3, H, W), got {tuple(frames.shape)}")
    time, size = frames.shape[:-3], frames.shape[-2:]
    one_mask = masks.shape == (*time, *size)
    objects = masks.ndim == frames.ndim and masks.shape[: len(time)] == time and masks.shape[-2:] == size
    if not (one_mask or objects):
        allowed = f"{(*time, *size)}, or {(*time, 'N', *size)} for N objects"
        raise ValueError(f"masks must have shape {allowed}, got {tuple(masks.shape)}")
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha must lie in 0 to 1, got {alpha}")
    if not palette:
        raise ValueError("palette must hold at least one colour")
