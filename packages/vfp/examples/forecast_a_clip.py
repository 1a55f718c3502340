"""Render a clip of the table scene, forecast its 22nd frame from the first 11, and save that beside the truth.

python forecast_a_clip.py forecast.png --seed 4
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from maskreel.common.metrics import MeanIoU
from maskreel.common.show import save_image
from maskreel.common.world import TableScene
from maskreel.vfp import MaskForecaster
from maskreel.vfp.show import draw_labels, error_map, strip

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path, help="a .png")
    parser.add_argument("--seed", type=int, default=4, help="which clip")
    arguments = parser.parse_args()

    frames, labels = TableScene.preset("easy").frames_and_labels(arguments.seed)
    clip, truth = torch.from_numpy(frames).movedim(-1, 1), torch.from_numpy(labels[21])
    forecast = MaskForecaster().forecast(clip[:11])  # frames alone; masks are found in them

    pictures = {
        "frame 11, as segmented": draw_labels(clip[10], forecast.observed[10]),
        "frame 22 with the forecast": draw_labels(clip[21], forecast.labels),
        "right, missed, wrong, invented": error_map(forecast.labels, truth),
    }
    save_image(arguments.output, strip([*pictures.values()], [*pictures]))
    for name, found in {"forecast": forecast.labels, "last frame, copied": forecast.observed[10]}.items():
        metric = MeanIoU(49)
        metric.update(found, truth)
        print(f"{name}: IoU {metric.compute():.3f}")
