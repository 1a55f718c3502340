"""Where m sees a subject: a first look at the whole frame, then closer ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch

from maskreel.animate.framing._box import Box, square_around
from maskreel.animate.framing._square import Framing, whole
from maskreel.animate.model import SWAP_THRESHOLD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from maskreel.animate.model import AnimationModel

__all__ = ["subject_boxes"]

_CLOSER_LOOKS = 3
"""m knows subjects of one size, and of smaller ones it sees parts only. Each look shows more of them (measured with a
half-trained m: 88, 92, 92, 93 % of the subject inside the square after none, one, two, three)."""
_AROUND = 0.5
"""What a closer look shows on each side of what the look before found, as a share of its longer side."""
_AREA = (0.002, 0.8)
"""Shares of what is looked at that a subject may take."""
_UNSEEN = 3
"""Pixels at the border of a mask that m cannot see."""
_BRIDGED = np.ones((5, 5), np.uint8)
"""Gaps in a mask narrower than it do not part a subject."""


@torch.inference_mode()
def subject_boxes(model: AnimationModel, frames: Tensor) -> list[Box]:
    """Of the largest connected region in the mask of each frame that could be a subject, where there is one.

    A subject takes 0.2 % to 80 % of what is looked at and, unlike the background, does not reach all four edges of it.

    Args:
        model: whose m looks.
        frames: uint8 (N, 3, H, W).
    """
    size = (frames.shape[-2], frames.shape[-1])
    boxes = _look(model, frames, [whole(size)] * len(frames))
    seen = [index for index, box in enumerate(boxes) if box is not None]
    frames, found = frames[seen], [box for box in boxes if box is not None]
    for _ in range(_CLOSER_LOOKS if seen else 0):
        closer = _look(model, frames, [square_around(box, size, _AROUND) for box in found])
        found = [near or far for near, far in zip(closer, found, strict=True)]
    return found


def _look(model: AnimationModel, frames: Tensor, framings: Sequence[Framing]) -> list[Box | None]:
    """A box in each frame of what stands in its framing."""
    cuts = [framing.cut(frame, model.config.size) for framing, frame in zip(framings, frames.split(1), strict=True)]
    masks = model.masks(torch.cat(cuts).to(model.device))[:, 0] > SWAP_THRESHOLD
    return [_box(mask, framing) for mask, framing in zip(masks.cpu().numpy(), framings, strict=True)]


def _box(mask: np.ndarray, framing: Framing) -> Box | None:
    """Of bool (s, s), the mask of a square."""
    x0, y0, x1, y1 = framing.box
    scale = framing.side / len(mask)
    rows, columns = _span(y0 - framing.top, y1 - framing.top, scale), _span(x0 - framing.left, x1 - framing.left, scale)
    region = _subject(np.ascontiguousarray(mask[rows, columns]).view(np.uint8))
    if region is None:
        return None
    x, y, width, height = region
    left, top = (x + columns.start) * scale + framing.left, (y + rows.start) * scale + framing.top
    return Box(left, top, left + width * scale, top + height * scale)


def _span(start: int, stop: int, scale: float) -> slice:
    """Pixels of the mask that show [start, stop) of the square: the frame without its repeated border."""
    first = int(start / scale + 0.5)
    return slice(first, max(first + 1, int(stop / scale + 0.5)))


def _subject(mask: np.ndarray) -> tuple[int, int, int, int] | None:
    """x, y, width and height of the largest plausible region of uint8 (h, w)."""
    joined = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, _BRIDGED)
    _, _, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    for x, y, width, height, area in sorted(stats[1:].tolist(), key=lambda row: -row[4]):
        if _plausible(area, (x, y, mask.shape[1] - x - width, mask.shape[0] - y - height), mask.size):
            return x, y, width, height
    return None


def _plausible(area: int, gaps: tuple[int, int, int, int], pixels: int) -> bool:
    """`gaps` lie between the region and the edges of what is looked at."""
    low, high = _AREA
    return low <= area / pixels <= high and max(gaps) > _UNSEEN
