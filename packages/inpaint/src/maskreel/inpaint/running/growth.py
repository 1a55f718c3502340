"""Masked things that cover more than they do, so that it is known what they cover."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch

from maskreel.common import masks as mask_ops

__all__ = ["Grown", "grown"]


@dataclass(frozen=True, repr=False)
class Grown:
    """Frames with things that have grown."""

    frames: np.ndarray
    """uint8 (T, H, W, 3)."""
    where: np.ndarray
    """bool (T, H, W): what they cover now that they did not cover before."""


def grown(frames: np.ndarray, masks: np.ndarray, reach: int) -> Grown:
    """Let everything masked grow over what lies around it, in the colours of its edge.

    So it looks the same to whoever measures flow, moves in the same way, and covers what lies next to the hole, at the
    same moments: who passes there passes behind the hole.

    Args:
        frames: uint8 (T, H, W, 3).
        masks: bool (T, H, W).
        reach: by how many pixels, 1 or more.
    """
    ring = mask_ops.dilate(torch.from_numpy(masks), reach).numpy() & ~masks
    laid = frames.copy()
    for frame, mask, where in zip(laid, masks, ring, strict=True):
        if where.any():
            frame[where] = _nearest(frame, mask, where)
    return Grown(laid, ring)


def _nearest(frame: np.ndarray, mask: np.ndarray, where: np.ndarray) -> np.ndarray:
    """uint8 (n, 3): for each pixel `where`, the colour of the nearest one in the mask."""
    outside = (~mask).view(np.uint8)
    _, labels = cv2.distanceTransformWithLabels(outside, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    nearest = np.asarray(labels, np.intp)
    colours = np.zeros((int(nearest.max()) + 1, 3), np.uint8)
    colours[nearest[mask]] = frame[mask]
    return colours[nearest[where]]
