"""Show what masks mark: a video and its masks in, the same video with tinted objects out.

python mark_masks.py clip.mp4 masks/ marked.mp4
"""

from __future__ import annotations

import argparse
from pathlib import Path

from maskreel.common.masks import read_masks
from maskreel.common.show import overlay
from maskreel.common.video import Clip, read, write

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path)
    parser.add_argument("masks", type=Path, help="a folder of PNG files, one PNG file, or a mask video")
    parser.add_argument("output", type=Path)
    arguments = parser.parse_args()

    clip = read(arguments.video)  # frames uint8 (T, 3, H, W), and the frame rate as a Fraction
    masks = read_masks(arguments.masks, size=clip.size, frame_count=len(clip))  # bool (T, H, W)
    write(arguments.output, Clip(overlay(clip.frames, masks), clip.fps))
    print(f"{arguments.output}: {masks.float().mean():.1%} of all pixels are marked")
