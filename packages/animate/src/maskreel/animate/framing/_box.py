"""Boxes of subjects, and the squares around them."""

from __future__ import annotations

import math
from typing import NamedTuple

from maskreel.animate.framing._square import Framing

__all__ = ["Box", "square_around"]


class Box(NamedTuple):
    """Half-open, in pixels of the frame."""

    x0: float
    y0: float
    x1: float
    y1: float

    def union(self, other: Box) -> Box:
        """The smallest box that holds both."""
        return Box(min(self.x0, other.x0), min(self.y0, other.y0), max(self.x1, other.x1), max(self.y1, other.y1))


def square_around(box: Box, size: tuple[int, int], margin: float) -> Framing:
    """A box with `margin` times its longer side on each side, in a frame of `size`, moved into it where it fits.

    Beyond the shorter side of the frame it goes only as far as what there is to see needs.
    """
    height, width = size
    longer = max(box.x1 - box.x0, box.y1 - box.y0)
    side = math.ceil(longer * (1 + 2 * margin))
    if side > min(size):
        more = longer * margin
        seen_height = min(height, box.y1 + more) - max(0, box.y0 - more)
        seen_width = min(width, box.x1 + more) - max(0, box.x0 - more)
        side = max(min(size), math.ceil(max(seen_height, seen_width)))
    return Framing(_start(box.y0, box.y1, side, height), _start(box.x0, box.x1, side, width), side, size)


def _start(low: float, high: float, side: int, length: int) -> int:
    """Of `side` pixels centred on [low, high] and moved into [0, length); centred on that where they do not fit."""
    if side >= length:
        return -((side - length) // 2)
    return min(max(round((low + high - side) / 2), 0), length - side)
