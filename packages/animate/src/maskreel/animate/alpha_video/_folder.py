"""A folder of PNG images with transparency."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from maskreel.common.video import Clip

__all__ = ["Folder"]


class Folder:
    """00000.png, 00001.png, ... in a folder that is there."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._count = folder, 0

    def write(self, frames: Tensor, _clip: Clip) -> None:
        """Add uint8 (N, 4, H, W)."""
        for pixels in frames.permute(0, 2, 3, 1).contiguous().cpu().numpy():
            Image.fromarray(pixels).save(self._folder / f"{self._count:05d}.png", compress_level=3)
            self._count += 1

    def finish(self) -> None:
        """Every image is whole already."""
