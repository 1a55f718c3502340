"""`maskreel world train-maskrcnn`: the small Mask R-CNN, from rendered videos to weights with their record."""

from __future__ import annotations

import logging
from dataclasses import asdict
from pathlib import Path  # noqa: TC003 (tyro reads annotations at run time)
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from maskreel.common.cli import progress
from maskreel.common.errors import require_extra
from maskreel.common.training import TrainingConfig

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maskreel.common.datasets import LazyArray
    from maskreel.common.maskrcnn import DetectionQuality, TrainingRecord
    from maskreel.common.training import TrainingResult

logger = logging.getLogger(__name__)

SHIPPED = TrainingConfig(
    steps=6000,
    batch_size=8,
    optimiser="adamw",
    lr=2e-3,
    weight_decay=1e-2,
    schedule="onecycle",
    warmup=0.1,
    clip_norm=10.0,
    checkpoint_every=250,
    evaluate_every=1000,
    samples_every=1000,
)
"""What trained the weights that come with the package."""

_WATCHED = 40
"""Held-out videos that are measured during training, two frames of each."""


def train_maskrcnn(
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])],
    config: TrainingConfig = SHIPPED,
    data: Path | None = None,
    skip_bad: bool = False,
    videos: int = 1200,
    unseen: int = 200,
) -> int:
    """Train the small Mask R-CNN of this package on the table scene and measure it on unseen videos.

    Killed? Run the same command again: it goes on where it was. The defaults train the weights that come with the
    package, in little more than an hour on one core (`--threads 1`).

    Args:
        output: The folder of the run: shapes.safetensors, shapes.json, log.jsonl and pictures.
        config: How it is trained.
        data: A data set in the layout of vfp with train and val; by default one is rendered into OUTPUT/data.
        skip_bad: Leave bad videos out and name them; by default the first one ends the run.
        videos: Videos to render for training.
        unseen: Videos to render for measuring.
    """
    for library, extra in (("mmengine", "train"), ("torchvision", "torchvision"), ("pycocotools", "coco")):
        require_extra(f"maskreel-common[{extra}]", library)
    import torch

    from maskreel.common.datasets import VfpFolder, lazy_arrays
    from maskreel.common.maskrcnn import LabelledFrames, ShapesTask, save_shapes, shapes_maskrcnn
    from maskreel.common.training import train

    if data is None:
        data = output / "data"
        _render(data, videos, unseen, config.seed)
    seen, held_out = (VfpFolder(data, split, skip_bad=skip_bad) for split in ("train", "val"))
    for fault in (*seen.skipped, *held_out.skipped):
        logger.warning("left out: %s", fault)
    torch.manual_seed(config.seed)
    unseen_clips = [lazy_arrays(video) for video in held_out]
    task = ShapesTask([(frames[::11], labels[::11]) for frames, labels in unseen_clips[:_WATCHED]])
    result = train(task, LabelledFrames([lazy_arrays(video) for video in seen], augment=True), config, output)
    quality = _measure(task.module, unseen_clips)
    record = _record(config, data, len(seen), quality, result)
    save_shapes(task.module, output / "shapes.safetensors", record)
    shapes_maskrcnn(output / "shapes.safetensors")
    for name, value in asdict(quality).items():
        logger.info("%s: %s", name, round(value, 4))
    logger.info("%s", output / "shapes.safetensors")
    return 0


def _render(folder: Path, videos: int, unseen: int, seed: int) -> None:
    from maskreel.common.world import Splits, TableScene, write_dataset

    counts = Splits(train=videos, val=unseen)
    with progress(description="render", total=counts.total, unit="videos") as bar:
        write_dataset(TableScene(), folder, counts, seed=seed, progress=bar.update)


def _measure(network: Any, clips: Sequence[tuple[LazyArray, LazyArray]]) -> DetectionQuality:
    from maskreel.common.maskrcnn import SHAPES_CLASS_NAMES, TorchvisionMaskRCNN, evaluate_detector

    model = TorchvisionMaskRCNN(network.eval(), SHAPES_CLASS_NAMES)
    with progress(description="measure", total=sum(len(labels) for _, labels in clips)) as bar:
        return evaluate_detector(model, clips, progress=bar.update)


def _record(
    config: TrainingConfig, data: Path, videos: int, quality: DetectionQuality, result: TrainingResult
) -> TrainingRecord:
    from maskreel.common.maskrcnn import TrainingRecord
    from maskreel.common.training import provenance
    from maskreel.common.world import origin_of

    told = f"{videos} videos of {origin_of(data)}"
    return TrainingRecord(data=told, quality=asdict(quality), **provenance(config, result))
