"""Outlines over masks, so that a person can see how well a table fits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch

from maskreel.vfp.objects.tracks import tracks
from maskreel.vfp.show import CLASS_PALETTE

if TYPE_CHECKING:
    from maskreel.vfp.objects.table import Table

__all__ = ["draw_fit"]

_SHIFT = 4  # fixed-point bits of OpenCV's drawing
_COLOURS = np.array(CLASS_PALETTE, np.uint8)
_WHITE = (255, 255, 255)


def draw_fit(table: Table, labels: np.ndarray, frame: int, *, scale: int = 3) -> torch.Tensor:
    """The label map of one frame with the outlines of its objects as the table has them, in white.

    Objects that are seen in part have none: how they are turned is not known.

    Args:
        table: What is to be judged.
        labels: uint8 (T, H, W) with class ids 0 to 48.
        frame: Which of them.
        scale: How many times as large.

    Returns:
        uint8 (3, scale * H, scale * W), RGB.
    """
    picture = np.ascontiguousarray(_COLOURS[labels[frame]].repeat(scale, 0).repeat(scale, 1))
    for track in tracks(table, labels[frame : frame + 1]):
        if np.isfinite(track.turns[0]):
            outline = table.solid(track.label).outline(table.camera, track.places, track.turns)
            points = np.round((outline * scale - 0.5) * (1 << _SHIFT)).astype(np.int32)
            cv2.polylines(picture, [*points], True, _WHITE, 1, cv2.LINE_AA, _SHIFT)
    return torch.from_numpy(picture).permute(2, 0, 1).contiguous()
