"""Does a picture show a subject of the kind that the mask generator knows? Told by how its mask looks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch.nn.functional as F

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["shows_subject"]

_LONGER_SIDE = 64
_SMALLEST, _LARGEST = 0.02, 0.6
_IN_ONE_PIECE = 0.8
_NO, _YES = 0.2, 0.8
_EDGE = 7
"""Pixels across which a mask may go from no to yes."""
_UNSURE = 0.3


def shows_subject(mask: Tensor) -> bool:
    """Whether a soft mask looks like one of a subject: neither tiny nor everything, in one piece, sure of itself.

    A mask generator marks something in every picture. In one without a subject of its kind, what it marks is
    next to nothing, nearly all, scattered, or grey. The rule, for the mask at 64 pixels along its longer side, with
    everything above 0.5 for the marked region: it is 2 to 60 % of the picture; its largest piece is 80 % of it or more;
    and at most 30 % as many pixels are grey (0.2 to 0.8) without lying at an edge between no and yes.

    Args:
        mask: float (1, H, W) in [0, 1].
    """
    small = F.interpolate(mask[None], _small(mask), mode="bilinear", antialias=True)
    marked = (small > 0.5)[0, 0].cpu().numpy().astype(np.uint8)
    area = int(marked.sum())
    if not _SMALLEST <= area / marked.size <= _LARGEST:
        return False
    _, _, stats, _ = cv2.connectedComponentsWithStats(marked, connectivity=8)
    return int(stats[1:, cv2.CC_STAT_AREA].max()) >= _IN_ONE_PIECE * area and _unsure(small) <= _UNSURE * area


def _small(mask: Tensor) -> tuple[int, int]:
    height, width = mask.shape[-2:]
    scale = _LONGER_SIDE / max(height, width)
    return max(round(height * scale), 1), max(round(width * scale), 1)


def _unsure(mask: Tensor) -> int:
    """Grey pixels that are not part of an edge."""
    highest, lowest = (sign * F.max_pool2d(sign * mask, _EDGE, 1, _EDGE // 2) for sign in (1, -1))
    edge = (highest > _YES) & (lowest < _NO)
    return int(((mask > _NO) & (mask < _YES) & ~edge).sum())
