"""Train a tiny frame predictor on a video of your own, in seconds; a good one takes a GPU or hours.

python train_tiny_predictor.py clip.mp4 run
"""

from __future__ import annotations

import argparse
from pathlib import Path

from maskreel.common.training import TrainingConfig, train
from maskreel.common.video import read
from maskreel.vfp.frames import (
    BASELINES,
    FramePredictionTask,
    PredictorConfig,
    VideoWindows,
    build_predictor,
    frame_quality,
    save_predictor,
)

NETWORK = PredictorConfig(spatial_width=16, temporal_width=32, temporal_depth=2, std=(0.2, 0.2, 0.2))
TRAINING = TrainingConfig(steps=40, batch_size=4, lr=5e-3, schedule="onecycle")

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path, help="44 frames or more; the last 22 are held out")
    parser.add_argument("output", type=Path, help="a folder; a run that was killed goes on")
    arguments = parser.parse_args()

    frames = read(arguments.video).frames
    predictor = build_predictor(NETWORK)
    train(FramePredictionTask(predictor), VideoWindows([frames[:-22]]), TRAINING, arguments.output)
    save_predictor(predictor, arguments.output / "predictor.safetensors")  # for load_predictor, and --predictor

    for name, predict in {"trained": predictor.predict, **BASELINES}.items():
        print(f"{name}: {frame_quality(predict, [frames[-22:]]).overall.psnr:.2f} dB")
