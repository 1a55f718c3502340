"""Connected regions and bounding boxes."""

from __future__ import annotations

import cv2
import numpy as np
import torch

from maskreel.common.masks._labels import require_masks
from maskreel.common.masks._planes import map_planes


def fill_holes(masks: torch.Tensor) -> torch.Tensor:
    """Add the background that is cut off from the outside by the object, in bool masks (..., H, W).

    Background connects over edges of pixels (4 neighbours), objects over corners too (8 neighbours). The edge of the
    picture is open: a bay towards it is no hole.
    """
    return map_planes(masks, _filled, margin=0)


def remove_small(masks: torch.Tensor, min_area: int) -> torch.Tensor:
    """Remove connected regions (8 neighbours) of fewer than `min_area` pixels from bool masks (..., H, W)."""
    if min_area < 0:
        raise ValueError(f"min_area must be 0 or more pixels, got {min_area}")
    return map_planes(masks, lambda plane: _large_regions(plane, min_area), margin=0)


def boxes(masks: torch.Tensor) -> torch.Tensor:
    """Return the tight boxes of bool masks (..., H, W): int64 (..., 4), half-open x0, y0, x1, y1 in pixels.

    Raises ValueError for a mask without object, which has no box: leave such masks out with `masks.any((-2, -1))`.
    """
    require_masks(masks)
    filled = masks.any(-1).any(-1)
    if not filled.all():
        index = tuple((~filled).nonzero()[0].tolist())
        raise ValueError(f"masks{list(index) if index else ''} is empty and has no box")
    x0, x1 = _extent(masks.any(-2))
    y0, y1 = _extent(masks.any(-1))
    return torch.stack([x0, y0, x1, y1], dim=-1)


def _extent(present: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """First index that is True, and one past the last, along the last dimension."""
    present = present.to(torch.uint8)
    return present.argmax(-1), present.shape[-1] - present.flip(-1).argmax(-1)


def _filled(plane: np.ndarray) -> np.ndarray:
    padded = cv2.copyMakeBorder(plane, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    outside = 2
    cv2.floodFill(padded, None, (0, 0), outside, flags=4)  # pyright: ignore[reportCallIssue, reportArgumentType]
    return padded[1:-1, 1:-1] != outside


def _large_regions(plane: np.ndarray, min_area: int) -> np.ndarray:
    _, regions, stats, _ = cv2.connectedComponentsWithStats(plane, connectivity=8)
    keep = stats[:, cv2.CC_STAT_AREA] >= min_area
    keep[0] = False  # region 0 is the background
    return np.take(keep, np.asarray(regions, np.int32))
