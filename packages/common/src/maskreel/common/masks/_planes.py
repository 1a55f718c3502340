"""Run a NumPy or OpenCV operation on every (H, W) plane of a mask tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import torch

from maskreel.common.masks._labels import require_masks

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np


def map_planes(
    masks: torch.Tensor,
    operation: Callable[[np.ndarray], np.ndarray],
    *,
    margin: int,
    dtype: torch.dtype = torch.bool,
) -> torch.Tensor:
    """Apply `operation` to the object's bounding box, grown by `margin`, in every plane of bool masks (..., H, W).

    `operation` gets a uint8 array of 0 and 1 with at least one 1 and returns one of the same shape; it must not write
    to its input, which shares memory with `masks`. The rest of the plane is 0 in the result, and so are planes without
    an object. Most objects fill a small part of the picture, so this is what makes morphology quick.
    """
    require_masks(masks)
    height, width = masks.shape[-2:]
    planes = masks.cpu().contiguous().view(torch.uint8).numpy().reshape(-1, height, width)
    result = torch.zeros(masks.shape, dtype=dtype)
    for plane, out in zip(planes, result.numpy().reshape(-1, height, width), strict=True):
        x, y, box_width, box_height = cv2.boundingRect(plane)
        if box_width == 0:
            continue
        rows = slice(max(y - margin, 0), y + box_height + margin)
        columns = slice(max(x - margin, 0), x + box_width + margin)
        out[rows, columns] = operation(plane[rows, columns])
    return result.to(masks.device)
