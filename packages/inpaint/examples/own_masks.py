"""Remove what your own masks mark, in memory: a Clip and a tensor of masks in, a Clip out.

python own_masks.py clip.mp4 masks/ clean.mkv
"""

from __future__ import annotations

import argparse
from pathlib import Path

from maskreel.common.masks import dilate, read_masks
from maskreel.common.video import read, write
from maskreel.inpaint import InpaintConfig, VideoInpainter


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path)
    parser.add_argument("masks", type=Path, help="a folder of PNG files, one PNG file, or a mask video")
    parser.add_argument("output", type=Path)
    arguments = parser.parse_args()

    clip = read(arguments.video)
    masks = read_masks(arguments.masks, size=clip.size, frame_count=len(clip))  # bool (T, H, W)
    masks = dilate(masks, 2)  # any tensor will do, whatever made it

    config = InpaintConfig(dilation=0)  # the masks are right as they are
    clean = VideoInpainter(config).inpaint(clip, masks)
    write(arguments.output, clean, codec="ffv1")


if __name__ == "__main__":
    main()
