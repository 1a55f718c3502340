"""Train the U-Net that tests use as an independent second opinion on the table scene.

    maskreel world train-maskrcnn -o RUN            # renders RUN/data
    python tools/train_verifier.py RUN/data -o VERIFIER
    python tools/train_verifier.py RUN/data -o FURTHER --weights VERIFIER/unet.safetensors --seed 2 --lr 2e-3

Writes VERIFIER/unet.safetensors and VERIFIER/unet.json, its record; they are kept in packages/common/tests/assets.
"""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from pathlib import Path  # noqa: TC003 (tyro reads annotations at run time)
from typing import Annotated

import torch
import tyro

from maskreel.common.atomic import write_json
from maskreel.common.cli import run_command
from maskreel.common.datasets import VfpFolder, lazy_arrays
from maskreel.common.maskrcnn import SHAPES_CLASS_NAMES, LabelledFrames
from maskreel.common.training import TrainingConfig, provenance, train
from maskreel.common.unet import UNet, UNetTask, load_unet, save_unet
from maskreel.common.world._command_train import SHIPPED

CONFIG = replace(SHIPPED, steps=3000, lr=3e-3, seed=1)
_WATCHED = 40
"""Held-out videos that are measured during training, two frames of each."""


def train_verifier(
    data: tyro.conf.Positional[Path],
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])],
    config: TrainingConfig = CONFIG,
    weights: Path | None = None,
) -> int:
    """Train the U-Net that tests use as an independent second opinion on the table scene.

    Args:
        data: A data set in the layout of vfp, with train and val.
        output: The folder of the run: unet.safetensors, unet.json and log.jsonl.
        config: How it is trained.
        weights: Start from these; by default new ones.
    """
    seen, unseen = ([lazy_arrays(video) for video in VfpFolder(data, split)] for split in ("train", "val"))
    torch.manual_seed(config.seed)
    network = UNet(len(SHAPES_CLASS_NAMES))
    if weights is not None:
        network = load_unet(weights, class_names=SHAPES_CLASS_NAMES).train().requires_grad_(True)
    task = UNetTask([(frames[::11], labels[::11]) for frames, labels in unseen[:_WATCHED]], network=network)
    result = train(task, LabelledFrames(seen, augment=True), config, output)
    task.clips = unseen
    quality = task.evaluate(network)
    save_unet(network, output / "unet.safetensors", class_names=SHAPES_CLASS_NAMES)
    told = f"{len(seen)} videos for training, {len(unseen)} for measuring, in {data}"
    record = {"data": told, **provenance(config, result), "command": shlex.join(["python", *sys.argv])}
    write_json(output / "unet.json", {**record, "quality": quality})
    print(quality)
    return 0


if __name__ == "__main__":
    sys.exit(run_command(train_verifier, sys.argv[1:], "train_verifier.py"))
