"""Forecast what a segmenter of your own finds: here, a red ball on a grey table.

python own_segmenter.py ball.mp4 forecast.png
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from maskreel.common.show import save_image
from maskreel.common.video import read
from maskreel.common.world import ObjectClass
from maskreel.vfp.objects import ObjectForecaster
from maskreel.vfp.show import forecast_strip

RED_BALL = ObjectClass("sphere", "rubber", "red").number


def find_ball(frames: torch.Tensor) -> torch.Tensor:
    """Label maps, uint8 (T, H, W), of frames, uint8 (T, 3, H, W): whatever makes them will do."""
    red, green, blue = frames.short().unbind(dim=1)
    return RED_BALL * ((red - green > 60) & (red - blue > 60)).byte()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path, help="11 frames or more of 160x240 pixels, of which the first are taken")
    parser.add_argument("output", type=Path, help="a .png")
    arguments = parser.parse_args()

    frames = read(arguments.video, stop=11).frames
    observed = find_ball(frames)
    occupancy = ObjectForecaster()(observed)  # MaskForecaster(...).forecast(frames, observed=observed) does more
    labels = occupancy.above(0.35)
    save_image(arguments.output, forecast_strip(frames, observed, labels))
    rows, columns = torch.nonzero(labels == RED_BALL, as_tuple=True)
    print(f"frame 22 has the ball at {columns.float().mean():.0f}, {rows.float().mean():.0f}")
