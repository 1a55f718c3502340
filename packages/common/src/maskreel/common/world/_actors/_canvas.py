"""A frame while it is painted: parts over the plate, with a record of which pixel shows which part."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from maskreel.common.world._actors._texels import between, fetch, store
from maskreel.common.world._actors._wardrobe import PARTS

if TYPE_CHECKING:
    from maskreel.common.world._actors._stage import PlacedPart


class Canvas:
    """Paints parts from back to front."""

    def __init__(self, plate: np.ndarray, actors: int) -> None:
        """`plate` is uint8 (H, W, 3)."""
        self.size = plate.shape[:2]
        self.seen = np.zeros((*self.size, 4), np.float32)
        """float32 (H, W, 4): the picture so far, and how much of a pixel people fill."""
        self.seen[..., :3] = plate
        count = self.size[0] * self.size[1]
        self.parts = np.zeros(count, np.int64)
        """int64 (H * W): number of the part that a pixel shows, 0 for the background."""
        self.amodal = np.zeros((actors, count), bool)

    def paint(self, part: PlacedPart) -> None:
        """Lay a part over everything painted so far; it shades what it is held against."""
        pixels, column, row = self._under(part)
        layer, seen = between(part.sprite.samples, column, row), fetch(self.seen, pixels)
        halo = part.sprite.halo.take(
            np.rint(row).astype(np.int64) * part.sprite.size[1] + np.rint(column).astype(np.int64)
        )
        clear = 1 - layer[:, 3]
        rest = np.repeat(clear * (1 - halo * seen[:, 3]), 4).reshape(-1, 4)
        rest[:, 3] = clear
        seen *= rest
        seen += layer
        store(self.seen, pixels, seen)
        filled = pixels[layer[:, 3] >= 0.5]
        self.parts[filled] = part.number
        self.amodal[(part.number - 1) // len(PARTS)][filled] = True

    def _under(self, part: PlacedPart) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Flat indices of the pixels within a sprite, and their columns and rows in it."""
        height, width = self.size
        x0, y0, x1, y1 = bounds(part)
        first_x, first_y = max(int(np.ceil(x0)), 0), max(int(np.ceil(y0)), 0)
        end_x, end_y = min(int(x1) + 1, width), min(int(y1) + 1, height)
        if end_x <= first_x or end_y <= first_y:
            nothing = np.zeros(0)
            return nothing.astype(np.int64), nothing, nothing
        x, y = np.arange(first_x, end_x, dtype=np.float64), np.arange(first_y, end_y, dtype=np.float64)[:, None]
        column, row = into_sprite(part, x, y)
        within = np.flatnonzero(inside_sprite(part, column, row))
        rows, columns = np.divmod(within, end_x - first_x)
        return (rows + first_y) * width + columns + first_x, column.ravel()[within], row.ravel()[within]


def bounds(part: PlacedPart) -> tuple[float, float, float, float]:
    """The smallest x and y and the largest x and y that a sprite reaches in the frame."""
    (a, b, c), (d, e, f) = part.to_frame[:2].tolist()
    height, width = (side - 1 for side in part.sprite.size)
    xs, ys = (0.0, a * width, b * height, a * width + b * height), (0.0, d * width, e * height, d * width + e * height)
    return c + min(xs), f + min(ys), c + max(xs), f + max(ys)


def into_sprite(part: PlacedPart, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Columns and rows of a sprite at positions of the frame."""
    (a, b, c), (d, e, f) = part.from_frame[:2].tolist()
    return a * x + (b * y + c), d * x + (e * y + f)


def inside_sprite(part: PlacedPart, column: np.ndarray, row: np.ndarray) -> np.ndarray:
    """bool: where a sprite can be sampled."""
    height, width = part.sprite.size
    return (column >= 0) & (column < width - 1) & (row >= 0) & (row < height - 1)
