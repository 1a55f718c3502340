"""The clean plate of a shot: every place as it looks when it is first uncovered, and nothing passes it if possible.

What is never seen is painted by what the plate shows around it. Somebody else who happens to stand there in the first
frame would be carried on into the painting for good.
"""

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
        calm: bool (h, w), where that is the colour of something that did not move.
        chunks: how many chunks have been added.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        self.colour = np.zeros((*size, 3), np.uint8)
        self.seen, self.calm = np.zeros(size, bool), np.zeros(size, bool)
        self.chunks = 0

    def add(self, laid: Laid, moving: np.ndarray | None = None) -> None:
        """Take from a chunk what no earlier chunk has shown, or none without something that moves there.

        Args:
            laid: the chunk.
            moving: bool (T, h, w), what moves on the canvas; None: nothing.
        """
        colour, seen, calm = self.colour.reshape(-1, 3), self.seen.reshape(-1), self.calm.reshape(-1)
        for t, (frame, known) in enumerate(zip(laid.frames, laid.known, strict=True)):
            missing = np.flatnonzero(~calm)
            if not len(missing):
                break
            found = missing[known.reshape(-1)[missing]]
            still = found if moving is None else found[~moving[t].reshape(-1)[found]]
            for places in (found[~seen[found]], still):
                colour[places] = frame.reshape(-1, 3)[places]
            seen[found] = calm[still] = True
        self.chunks += 1

    def extend(self, later: CleanPlate) -> None:
        """Take what a plate of later chunks shows, as if these had been added one by one."""
        new = (later.seen & ~self.seen) | (later.calm & ~self.calm)
        self.colour[new] = later.colour[new]
        self.seen |= later.seen
        self.calm |= later.calm
        self.chunks = later.chunks

    def completed(self, inpainter: ImageInpainter) -> np.ndarray:
        """The plate with what is never seen painted in: uint8 (h, w, 3)."""
        if self.seen.all() or not self.seen.any():
            return self.colour
        return inpainter(self.colour, ~self.seen)

    def save(self, path: Path) -> None:
        """Write to an .npz file, atomically."""
        write_npz(path, {"colour": self.colour, "seen": self.seen, "calm": self.calm, "chunks": self.chunks})

    @classmethod
    def load(cls, path: Path) -> CleanPlate:
        """Read what `save` wrote."""
        file = read_npz(path)
        plate = cls(file["seen"].shape)
        plate.colour, plate.seen, plate.calm = file["colour"], file["seen"], file["calm"]
        plate.chunks = int(file["chunks"])
        return plate
