"""Remove what a segmenter of your own marks: here, whatever is red.

python own_segmenter.py clip.mp4 clean.mp4
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from maskreel.inpaint import VideoInpainter

if TYPE_CHECKING:
    import torch

    from maskreel.common.video import Clip


class RedThings:
    """Marks pixels whose red is `margin` grey levels above green and blue."""

    def __init__(self, margin: int) -> None:
        self.margin = margin

    def __call__(self, clip: Clip, start: int) -> torch.Tensor:
        red, green, blue = clip.frames.short().unbind(dim=1)
        return (red - green > self.margin) & (red - blue > self.margin)

    def __repr__(self) -> str:  # masks that are made already are used again while this stays the same
        return f"RedThings({self.margin})"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path)
    parser.add_argument("output", type=Path)
    arguments = parser.parse_args()
    VideoInpainter(segmenter=RedThings(60)).inpaint(arguments.video, output=arguments.output)
