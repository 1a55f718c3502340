"""Train the U-Net that tests use as an independent second opinion on the table scene.

    maskreel world train-maskrcnn -o RUN            # renders RUN/data
    python tools/train_verifier.py RUN/data VERIFIER
    python tools/train_verifier.py RUN/data FURTHER --init VERIFIER/unet.safetensors --seed 2 --lr 2e-3

Writes VERIFIER/unet.safetensors and VERIFIER/unet.json, its record; they are kept in packages/common/tests/assets.
"""

from __future__ import annotations

import argparse
import logging
import shlex
import sys
from pathlib import Path

import torch

from maskreel.common.atomic import write_json
from maskreel.common.datasets import VfpFolder, lazy_arrays
from maskreel.common.maskrcnn import SHAPES_CLASS_NAMES, LabelledFrames
from maskreel.common.training import TrainingConfig, train
from maskreel.common.unet import UNet, UNetTask, load_unet, save_unet


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="a data set in the layout of vfp, with train and val")
    parser.add_argument("output", type=Path, help="the folder of the run")
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--init", type=Path, help="weights to go on from; none: new ones")
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=None)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    config = TrainingConfig(
        steps=options.steps,
        batch_size=8,
        lr=options.lr,
        weight_decay=1e-2,
        schedule="onecycle",
        warmup=0.1,
        clip_norm=10.0,
        checkpoint_every=250,
        seed=options.seed,
        threads=options.threads,
    )
    seen, unseen = ([lazy_arrays(video) for video in VfpFolder(options.data, split)] for split in ("train", "val"))
    torch.manual_seed(config.seed)
    network = UNet(len(SHAPES_CLASS_NAMES))
    if options.init:
        network = load_unet(options.init, class_names=SHAPES_CLASS_NAMES).train().requires_grad_(True)
    task = UNetTask([(frames[::11], labels[::11]) for frames, labels in unseen[:40]], network=network)
    result = train(task, LabelledFrames(seen, augment=True), config, options.output)
    task.clips = unseen
    quality = task.evaluate(network)
    save_unet(network, options.output / "unet.safetensors", class_names=SHAPES_CLASS_NAMES)
    record = {
        "data": f"{len(seen)} videos for training, {len(unseen)} for measuring, in {options.data}",
        "command": shlex.join(["python", *sys.argv]),
        "steps": config.steps,
        "seconds": round(result.seconds),
        "quality": quality,
    }
    write_json(options.output / "unet.json", record)
    print(record)


if __name__ == "__main__":
    main()
