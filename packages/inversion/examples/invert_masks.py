"""A new video for the masks of a rendered clip: the `shapes` Mask R-CNN sees the same objects in it.

python invert_masks.py out.mp4
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from maskreel.common.video import Clip, write
from maskreel.common.world import TableScene, render
from maskreel.inversion import FrameTarget, InversionConfig, MaskInverter


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0, help="which clip of the table scene")
    arguments = parser.parse_args()

    scene = render(TableScene(frames=arguments.frames), arguments.seed)
    labels = torch.tensor(scene.classes)  # the teacher was trained on this scene and has its classes
    targets = [FrameTarget(masks, labels) for masks in scene.visible]

    frames = MaskInverter(InversionConfig(steps=arguments.steps)).invert(targets)  # uint8 (T, 3, H, W)
    write(arguments.output, Clip(frames, scene.clip.fps))


if __name__ == "__main__":
    main()
