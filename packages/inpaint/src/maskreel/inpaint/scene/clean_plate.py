"""The clean plate of a shot: every place as it looks when it is first uncovered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from maskreel.common.array_file import read_npz, write_npz

if TYPE_CHECKING:
    from pathlib import Path

    from maskreel.inpaint.painting.image_inpainter import ImageInpainter
    from maskreel.inpaint.scene.canvas import Laid

__all__ = ["CleanPlate"]


class CleanPlate:
    """Collects uncovered pixels, in the order of time.

    Attributes:
        colour: uint8 (h, w, 3) RGB, on the shot's canvas.
        seen: bool (h, w), where the plate has a colour.
        chunks: how many chunks have been added.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        self.colour = np.zeros((*size, 3), np.uint8)
        self.seen = np.zeros(size, bool)
        self.chunks = 0

    def add(self, laid: Laid) -> None:
        """Take from a chunk what no earlier chunk has shown."""
        colour, seen = self.colour.reshape(-1, 3), self.seen.reshape(-1)
        for frame, known in zip(laid.frames, laid.known, strict=True):
            missing = np.flatnonzero(~seen)
            if not len(missing):
                break
            found = missing[known.reshape(-1)[missing]]
            colour[found] = frame.reshape(-1, 3)[found]
            seen[found] = True
        self.chunks += 1

    def completed(self, inpainter: ImageInpainter) -> np.ndarray:
        """The plate with what is never seen painted in: uint8 (h, w, 3)."""
        if self.seen.all() or not self.seen.any():
            return self.colour
        return inpainter(self.colour, ~self.seen)

    def save(self, path: Path) -> None:
        """Write to an .npz file, atomically."""
        write_npz(path, {"colour": self.colour, "seen": self.seen, "chunks": self.chunks})

    @classmethod
    def load(cls, path: Path) -> CleanPlate:
        """Read what `save` wrote."""
        file = read_npz(path)
        plate = cls(file["seen"].shape)
        plate.colour, plate.seen, plate.chunks = file["colour"], file["seen"], int(file["chunks"])
        return plate
