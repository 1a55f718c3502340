"""`maskreel inpaint train-dfc`: networks that complete flow, from rendered clips and videos to weights and a record."""

from __future__ import annotations

import json
import logging
from pathlib import Path  # noqa: TC003 (tyro reads annotations at run time)
from typing import TYPE_CHECKING, Annotated

import tyro

from maskreel.common.cli import progress
from maskreel.common.errors import require_extra
from maskreel.common.training import TrainingConfig  # noqa: TC001 (tyro reads annotations at run time)
from maskreel.inpaint.dfc_training.settings import (
    PUBLISHED_HEAD_FACTOR,
    SMALL,
    CompletionData,
    CompletionLoss,
    Network,
    Stage,
    preset,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maskreel.common.training import TrainingResult
    from maskreel.inpaint.dfc import Cascade
    from maskreel.inpaint.dfc_training.clips import ClipSamples, WindowSamples
    from maskreel.inpaint.dfc_training.render import ClipSource

__all__ = ["train_dfc"]

logger = logging.getLogger(__name__)

_REDUCTION = {"small": 4, "dfc-s": 1}
"""Pixels of a frame on a side of a pixel of the samples: the small network works on a coarse grid anyway."""


def train_dfc(
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])],
    network: Network = "small",
    stage: Stage = "1",
    weights: tuple[Path, ...] = (),
    config: TrainingConfig = SMALL,
    loss: CompletionLoss = CompletionLoss(),  # noqa: B008 (frozen)
    data: CompletionData = CompletionData(),  # noqa: B008
    cells: int | None = None,
    skip_bad: bool = False,
    smoke: bool = False,
) -> int:
    """Train the networks that complete optical flow in holes (DFC-Net), one stage after the other or all jointly.

    A stage sees 11 consecutive flows with holes and gives the middle one: stage 1 one direction, stages 2 and 3 both,
    starting from what the stage before has made of them. Clips are rendered (or cut from videos) once into a cache;
    their truth is exact, or, for videos, the flow without the holes. Killed? Run the same command again: it goes on
    where it was. With torchrun or srun say --launcher pytorch or slurm. `maskreel inpaint run` takes the file that is
    left, cascade.safetensors, as its dfc weights.

    Stage after stage, and then all of them:

        maskreel inpaint train-dfc -o a

        maskreel inpaint train-dfc -o b --stage 2 --weights a/cascade.safetensors

        maskreel inpaint train-dfc -o c --stage joint --weights b/cascade.safetensors

    Args:
        output: The folder of the run: cascade.safetensors, cascade.json, log.jsonl and pictures of flows.
        network: small: the network that comes with the package. dfc-s: as published, 37 million parameters per stage;
            options of the training that are left at their defaults then have the published values.
        stage: What to train; the stages before it stay as they are. joint: all that --weights holds.
        weights: Begin with these files, which hold the stages before and perhaps this one: cascade.safetensors of
            another run. For dfc-s also published stages of DFC-Net (such as resnet50_stage1.pth), in their order, and
            torchvision's resnet50 for ImageNet (resnet50-*.pth), which fills the stage that is trained, up to its head.
            They are told apart by what they hold.
        config: How it is trained.
        loss: What is minimised.
        data: What is learned from.
        cells: Points of the grid that the small network works on; by default as in --weights or else as in the one that
            comes with the package. Not for dfc-s.
        skip_bad: Leave unreadable videos out and name them; by default the first one ends the run.
        smoke: Two steps on a few tiny clips, to see that everything works.
    """
    require_extra("maskreel-inpaint[train]", "mmengine")
    import torch

    from maskreel.common.training import is_first, place_in_group, train
    from maskreel.inpaint.dfc import save_cascade
    from maskreel.inpaint.dfc.training_start import cascade_to_train
    from maskreel.inpaint.dfc_training.task import CompletionTask

    if smoke:
        config, data = _smallest(config, data)
    config, loss = preset(config, network, stage), loss.resolved(network, stage)
    torch.manual_seed(config.seed)
    cascade = cascade_to_train(network, stage, weights, cells=cells)
    if network == "dfc-s":
        _speed_up_heads(cascade, config)
    sources, learned, held_out = _prepared(network, data, output, skip_bad, place_in_group(config))
    watched = _samples(held_out, stage, cascade, vary=False)
    kept = [watched[i] for i in range(len(watched))]
    task = CompletionTask(cascade, stage, loss=loss, held_out=kept, pixels=_REDUCTION[network])
    result = train(task, _samples(learned, stage, cascade, vary=True), config, output)
    if is_first(config):
        save_cascade(output / "cascade.safetensors", cascade.cpu(), network=network, height=data.size[0])
        _tell(output, _record(config, network, stage, weights, sources, result))
    return 0


def _smallest(config: TrainingConfig, data: CompletionData) -> tuple[TrainingConfig, CompletionData]:
    from dataclasses import replace

    tiny = replace(data, planes=min(data.planes, 3), world=min(data.world, 1), size=(64, 96), frames=3, watched=2)
    quick = replace(config, steps=2, epochs=None, batch_size=2, evaluate_every=2, samples_every=2, log_every=1)
    return replace(quick, checkpoint_every=1), tiny


def _speed_up_heads(cascade: Cascade, config: TrainingConfig) -> None:
    """The published ten times the learning rate in what follows the ResNet."""
    from maskreel.inpaint.dfc_training.task import scaled_learning_rate

    if config.optimiser != "sgd":
        return
    for part in cascade.stages:
        head = [parameter for name, parameter in part.named_parameters() if name.startswith("layer5.")]
        scaled_learning_rate(head, PUBLISHED_HEAD_FACTOR, weight_decay=config.weight_decay)


def _prepared(
    network: Network, data: CompletionData, output: Path, skip_bad: bool, place: tuple[int, int]
) -> tuple[list[ClipSource], list[Path], list[Path]]:
    """The clips to learn from, their files, and those of the clips to measure on."""
    from maskreel.inpaint.dfc_training.render import clip_sources, make_clips
    from maskreel.inpaint.flow.estimation import DISFlow

    learned, held = clip_sources(data, skip_bad=skip_bad)
    reduction, initial = _REDUCTION[network], "background" if network == "small" else "laplace"
    # Clips that were prepared in another way must not be taken for these.
    kind = f"{initial}-{data.size[0]}x{data.size[1]}-{data.frames}-by{reduction}"
    folder = (data.cache or output / "clips") / kind
    with progress(description="prepare", total=len(learned) + len(held), unit="clips") as bar:
        paths = make_clips(
            learned + held,
            folder,
            data,
            estimator=DISFlow(),
            initial=initial,
            reduction=reduction,
            place=place,
            progress=bar.update,
        )
    return learned, paths[: len(learned)], paths[len(learned) :]


def _samples(files: Sequence[Path], stage: Stage, cascade: Cascade, *, vary: bool) -> WindowSamples | ClipSamples:
    from maskreel.inpaint.dfc_training.clips import ClipSamples, WindowSamples

    if stage == "1":
        return WindowSamples(files, time_ordered=getattr(cascade.stage1, "time_ordered", False), vary=vary)
    return ClipSamples(files, vary=vary)


def _record(
    config: TrainingConfig,
    network: Network,
    stage: Stage,
    weights: Sequence[Path],
    sources: Sequence[ClipSource],
    result: TrainingResult,
) -> dict[str, object]:
    """How the weights came about."""
    from maskreel.common.training import provenance

    kinds = [source.kind for source in sources]
    told = ", ".join(f"{kinds.count(kind)} {kind}" for kind in ("planes", "world", "video") if kind in kinds)
    return {
        "network": network,
        "stage": stage,
        "weights": [str(path) for path in weights],
        "data": f"{told} clips, CompletionData in training.json of the run",
        **provenance(config, result),
        "quality": {name: round(value, 4) for name, value in result.metrics.items()},
    }


def _tell(output: Path, record: dict[str, object]) -> None:
    from maskreel.common.atomic import write_json

    write_json(output / "cascade.json", record)
    logger.info("quality: %s", json.dumps(record["quality"]))
    logger.info("%s", output / "cascade.safetensors")
