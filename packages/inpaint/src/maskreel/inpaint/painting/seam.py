"""Gradient-domain blending: shift the colours of a fill so that it meets the frame all around the hole.

Taking the gradients of the fill and solving Poisson's equation for the colours (Perez et al., "Poisson Image Editing",
SIGGRAPH 2003) is the same as adding a membrane to the fill: the harmonic function that has, at the border of the hole,
the difference between frame and fill. Where the hole touches the border of the image, nothing is asked of it (no flux:
a mixed boundary). The membrane is smooth, so a quarter of the size is enough.

The difference is taken on a rim around the hole where both the frame and the fill show the place. It is averaged along
the rim before it goes in, with less weight where it does not look like a change of light. So noise and edges do not
bleed inside; and as every value is an average over many pixels, the membrane is as steady from frame to frame as the
light is, with nothing to be handed on from frame to frame.
"""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np

from maskreel.inpaint.painting.harmonic import harmonic_fill

__all__ = ["Seam", "level_fill"]

Seam = Literal["feather", "gradient"]

_REDUCTION = 4
_SPREAD = 0.02  # of the longer side: length over which differences are averaged along the rim
_ROUNDS = 3
# Grey levels by which a difference may deviate from its surroundings on the rim before its weight drops to a quarter.
_SCATTER = 8.0
_LEAST_WEIGHT = 1e-3


def level_fill(
    frame: np.ndarray, fill: np.ndarray, mask: np.ndarray, rim: np.ndarray, *, limit: float = 48.0
) -> np.ndarray:
    """The fill of a hole with colours that meet the frame at its border.

    Args:
        frame: uint8 (H, W, 3).
        fill: uint8 (H, W, 3): what shall stand in the hole, and on the rim what would stand there.
        mask: bool (H, W), the hole.
        rim: bool (H, W), pixels around the hole where `fill` was made as inside; a few pixels wide. Without a rim
            nothing is changed.
        limit: grey levels by which frame and fill may differ on the rim; where they differ by more, they show
            different things, and that is ignored.

    Returns:
        A new uint8 (H, W, 3), changed in `mask` and `rim` only.

    Raises:
        ValueError: wrong shapes or dtypes, or a limit that is not positive.
    """
    _check(frame, fill, mask, rim, limit)
    rim = rim & ~mask
    changed = mask | rim
    result = fill.copy()
    if not rim.any():
        return result
    box = _box(changed)
    spread = _SPREAD * max(mask.shape) / _REDUCTION
    values, known = _rim_differences(frame[box], fill[box], rim[box], limit, spread)
    membrane = harmonic_fill(values, ~known)
    height, width = mask[box].shape
    shift = cv2.resize(membrane, (width, height), interpolation=cv2.INTER_LINEAR)
    inside = changed[box]
    result[box][inside] = np.clip(np.rint(fill[box][inside] + shift[inside]), 0, 255).astype(np.uint8)
    return result


def _rim_differences(
    frame: np.ndarray, fill: np.ndarray, rim: np.ndarray, limit: float, spread: float
) -> tuple[np.ndarray, np.ndarray]:
    """What to add at the rim, float32 (h, w, 3) at the reduced size, and bool (h, w) where that is known."""
    y, x = np.nonzero(rim)
    difference = frame[y, x].astype(np.float32) - fill[y, x]
    small = (-(-rim.shape[0] // _REDUCTION), -(-rim.shape[1] // _REDUCTION))
    cell = y // _REDUCTION * small[1] + x // _REDUCTION
    # Weights fall smoothly to none at the limit: a hard limit would let the result jump from frame to frame.
    plausible = np.square(np.clip(1 - np.square(np.abs(difference).max(1) / limit), 0, 1))
    weight, mean, total = plausible, np.zeros((*small, 3), np.float32), np.zeros(small, np.float32)
    for _ in range(_ROUNDS):
        mean, total = _averaged(difference, weight, cell, small, spread)
        deviation = np.abs(difference - mean.reshape(-1, 3)[cell]).max(1)
        weight = plausible / np.square(1 + np.square(deviation / _SCATTER))
    touched = np.bincount(cell, minlength=total.size).reshape(small) > 0
    return mean, touched & (total > _LEAST_WEIGHT)


def _averaged(
    values: np.ndarray, weight: np.ndarray, cell: np.ndarray, size: tuple[int, int], spread: float
) -> tuple[np.ndarray, np.ndarray]:
    """Weighted means of values (n, 3) around every cell, float32 (h, w, 3), and the sum of weights (h, w)."""
    count = size[0] * size[1]
    columns = [np.bincount(cell, column, count) for column in (*(values * weight[:, None]).T, weight)]
    sums = np.stack(columns, -1).reshape(*size, 4).astype(np.float32)
    sums = cv2.GaussianBlur(sums, (0, 0), max(spread, 0.5), borderType=cv2.BORDER_CONSTANT).reshape(*size, 4)
    total = sums[..., 3]
    return sums[..., :3] / np.maximum(total, 1e-12)[..., None], total


def _box(area: np.ndarray) -> tuple[slice, slice]:
    """The part of the image around `area`, from multiples of the reduction on, so that cells do not move with it."""
    x, y, width, height = cv2.boundingRect(area.view(np.uint8))
    left, top = x // _REDUCTION * _REDUCTION, y // _REDUCTION * _REDUCTION
    right, bottom = (-(-stop // _REDUCTION) * _REDUCTION for stop in (x + width, y + height))
    return slice(top, bottom), slice(left, right)


def _check(frame: np.ndarray, fill: np.ndarray, mask: np.ndarray, rim: np.ndarray, limit: float) -> None:
    for name, image in (("frame", frame), ("fill", fill)):
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.shape != frame.shape:
            raise ValueError(f"{name} must be uint8 (H, W, 3) like the other image, got {image.dtype} {image.shape}")
    for name, area in (("mask", mask), ("rim", rim)):
        if area.dtype != np.bool_ or area.shape != frame.shape[:2]:
            raise ValueError(f"{name} must be bool {frame.shape[:2]}, got {area.dtype} {area.shape}")
    if not limit > 0:
        raise ValueError(f"limit must be positive, got {limit}")
