"""A painter of small pictures put to work on an image of any size: cut out around the hole, fit, paint, put back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from maskreel.inpaint.painting.known_means import known_means

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Box = tuple[slice, slice]

__all__ = ["paint_around_hole"]

# Holes nearer to each other than this are painted together, and so much is always seen around a hole.
_NEAR = 64
# Holes further apart are painted one by one, closer up, but a mask with more of them than this all at once.
_PARTS = 4
# Networks that halve the picture three or four times pad by reflection inside, which needs 2 pixels there.
_LEAST_SIDE = 32


def paint_around_hole(
    image: np.ndarray,
    mask: np.ndarray,
    paint: Callable[[np.ndarray, np.ndarray], np.ndarray],
    *,
    max_side: int = 512,
    multiple: int = 8,
    min_side: int = 256,
    context: float = 0.5,
) -> np.ndarray:
    """Fill the hole of an image with a function that takes pictures of certain sizes only.

    A box around the hole is cut out. Where it is larger than `max_side` it is shrunk, from its known pixels alone, and
    what was painted is enlarged again. Sides are brought to a multiple by reflection at the right and at the bottom.

    Args:
        image: uint8 (H, W, 3).
        mask: bool (H, W), True where to paint.
        paint: (uint8 (h, w, 3), black in the hole; bool (h, w), not all True) -> uint8 (h, w, 3). What it answers
            outside the hole is not used. h and w are multiples of `multiple`, 32 or more.
        max_side: pixels that the longer side of a picture has at most (before it is brought to a multiple); bounds
            the memory and time that `paint` takes.
        multiple: pixels that the sides of a picture are a multiple of.
        min_side: pixels that a side of the box has at least, where the image has them.
        context: what the box shows on each side of the hole, as a fraction of the hole's longer side; 64 px at least.

    Returns:
        A new uint8 (H, W, 3); pixels outside the mask are bit-identical.

    Raises:
        ValueError: wrong shape or dtype, an option out of range, or a mask that leaves nothing to paint from.
    """
    _check(image, mask)
    if multiple < 1 or max_side < _LEAST_SIDE or min_side < 1 or context < 0:
        raise ValueError(
            f"multiple and min_side must be 1 or more, max_side {_LEAST_SIDE} or more and context 0 or more, "
            f"got {multiple=}, {min_side=}, {max_side=}, {context=}"
        )
    result = image.copy()
    if not mask.any():
        return result
    if mask.all():
        raise ValueError("mask covers the whole image, so there is nothing to paint from")
    for part in _parts(mask):
        box = _box(part, min_side, context)
        painted = _paint_box(image[box], mask[box], paint, max_side, multiple)
        result[box][part[box]] = painted[part[box]]
    return result


def _parts(mask: np.ndarray) -> Iterator[np.ndarray]:
    """The mask, split where holes lie well apart: bool (H, W) each."""
    kernel = np.ones((_NEAR + 1, _NEAR + 1), np.uint8)
    count, labels = cv2.connectedComponents(cv2.dilate(mask.view(np.uint8), kernel))
    if not 2 <= count - 1 <= _PARTS:
        yield mask
        return
    for label in range(1, count):
        yield mask & (np.asarray(labels) == label)


def _box(part: np.ndarray, min_side: int, context: float) -> Box:
    """The hole with what surrounds it, inside the image."""
    x, y, width, height = cv2.boundingRect(part.view(np.uint8))
    margin = max(_NEAR, round(context * max(width, height)))
    rows, columns = part.shape
    return _stretch(y, y + height, margin, min_side, rows), _stretch(x, x + width, margin, min_side, columns)


def _stretch(start: int, stop: int, margin: int, least: int, limit: int) -> slice:
    """[start, stop) and a margin, moved or cut to lie in [0, limit), `least` long where that is possible."""
    start, stop = max(0, start - margin), min(limit, stop + margin)
    length = max(stop - start, min(least, limit))
    start = max(0, min(start - (length - (stop - start)) // 2, limit - length))
    return slice(start, start + length)


def _paint_box(
    image: np.ndarray,
    mask: np.ndarray,
    paint: Callable[[np.ndarray, np.ndarray], np.ndarray],
    max_side: int,
    multiple: int,
) -> np.ndarray:
    """Paint a cut-out at a size that suits: uint8 (h, w, 3) of the same size, painted in the hole."""
    height, width = mask.shape
    scale = max_side / max(height, width)
    size = (max(1, round(height * scale)), max(1, round(width * scale))) if scale < 1 else (height, width)
    small, small_mask = _shrunk(image, mask, size)
    painted = paint(_padded(small, multiple), _padded(small_mask.view(np.uint8), multiple).view(np.bool_))
    painted = painted[: size[0], : size[1]]
    if size == (height, width):
        return painted
    merged = np.where(small_mask[..., None], painted, small)
    return cv2.resize(merged, (width, height), interpolation=cv2.INTER_CUBIC)


def _shrunk(image: np.ndarray, mask: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Image, black in the hole, and mask at a smaller size, where a pixel less than half known belongs to the hole."""
    if size == mask.shape:
        return np.where(mask[..., None], np.uint8(0), image), mask.copy()
    mean, share = known_means(image, mask, size)
    hole = share < min(0.5, share.max())  # one pixel stays known, however few there were
    mean[hole] = 0
    return np.clip(np.rint(mean), 0, 255).astype(np.uint8), hole


def _padded(picture: np.ndarray, multiple: int) -> np.ndarray:
    bottom, right = (-(-max(side, _LEAST_SIDE) // multiple) * multiple - side for side in picture.shape[:2])
    return cv2.copyMakeBorder(picture, 0, bottom, 0, right, cv2.BORDER_REFLECT_101) if bottom or right else picture


def _check(image: np.ndarray, mask: np.ndarray) -> None:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"image must be uint8 (H, W, 3), got {image.dtype} {image.shape}")
    if mask.dtype != np.bool_ or mask.shape != image.shape[:2]:
        raise ValueError(f"mask must be bool {image.shape[:2]}, got {mask.dtype} {mask.shape}")
