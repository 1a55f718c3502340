"""Render a clip of the table scene, and save it beside its masks and its flow.

python render_world.py table.gif --seed 3
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from maskreel.common.flow import flow_to_colour
from maskreel.common.show import overlay, save_animation, side_by_side
from maskreel.common.video import Clip
from maskreel.common.world import TableScene, render

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path, help="a .gif")
    parser.add_argument("--seed", type=int, default=0, help="which clip")
    parser.add_argument("--frames", type=int, default=22)
    arguments = parser.parse_args()

    world = render(TableScene(frames=arguments.frames), arguments.seed)
    frames = world.clip.frames[:-1]  # flow leads from each frame to the next, so the last has none
    marked = overlay(frames, world.visible[:-1])  # visible: bool (T, N, H, W), one mask for each of N objects
    motion = flow_to_colour(world.forward_flow, max_norm=8)
    shown = [side_by_side(*pictures) for pictures in zip(frames, marked, motion, strict=True)]
    save_animation(arguments.output, Clip(torch.stack(shown), world.clip.fps))
    print(f"{arguments.output}: {', '.join(str(number) for number in world.classes)} on the table")
