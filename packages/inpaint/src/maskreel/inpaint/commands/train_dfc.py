"""`maskreel inpaint train-dfc`: networks that complete flow, from rendered clips and videos to weights and a record."""

from __future__ import annotations

import importlib.util
import json
import logging
from pathlib import Path  # noqa: TC003 (tyro reads annotations at run time)
from typing import TYPE_CHECKING, Annotated

import tyro

from maskreel.common.cli import progress
from maskreel.common.errors import InputError, MissingExtraError
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
    from collections.abc import Mapping, Sequence

    import torch

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
    weights: Path | None = None,
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
    where it was. With torchrun or srun say --launcher pytorch or slurm.

        maskreel inpaint train-dfc -o runs/stage1
        maskreel inpaint train-dfc -o runs/stage2 --stage 2 --weights runs/stage1/cascade.safetensors
        maskreel inpaint train-dfc -o runs/joint --stage joint --weights runs/stage2/cascade.safetensors

    Args:
        output: The folder of the run: cascade.safetensors, cascade.json, log.jsonl and pictures of flows.
        network: small: the network that comes with the package. dfc-s: as published, 37 million parameters per stage;
            options of the training that are left at their defaults then have the published values.
        stage: What to train; the stages before it stay as they are. joint: all that --weights holds.
        weights: Begin with these, of the stages before or of this one too: cascade.safetensors of another run.
        config: How it is trained.
        loss: What is minimised.
        data: What is learned from.
        cells: Points of the grid that the small network works on; by default as in the one that comes with the package.
        skip_bad: Leave unreadable videos out and name them; by default the first one ends the run.
        smoke: Two steps on a few tiny clips, to see that everything works.
    """
    if importlib.util.find_spec("mmengine") is None:
        raise MissingExtraError("mmengine", "maskreel-inpaint[train]")
    import torch

    from maskreel.common.training import is_first, place_in_group, train
    from maskreel.inpaint.dfc_training.task import CompletionTask

    if smoke:
        config, data = _smallest(config, data)
    config, loss = preset(config, network, stage), loss.resolved(network, stage)
    torch.manual_seed(config.seed)
    cascade = _cascade(network, stage, weights, cells)
    if network == "dfc-s":
        _speed_up_heads(cascade, config)
    learned, held_out, sources = _samples(network, stage, cascade, data, output, skip_bad, place_in_group(config))
    kept = [held_out[i] for i in range(len(held_out))]
    task = CompletionTask(cascade, stage, loss=loss, held_out=kept, pixels=_REDUCTION[network])
    result = train(task, learned, config, output)
    if is_first(config):
        _save(cascade, output, _record(config, network, stage, weights, sources, result))
    return 0


def _smallest(config: TrainingConfig, data: CompletionData) -> tuple[TrainingConfig, CompletionData]:
    from dataclasses import replace

    tiny = replace(data, planes=min(data.planes, 3), world=min(data.world, 1), size=(64, 96), frames=3, watched=2)
    quick = replace(config, steps=2, epochs=None, batch_size=2, evaluate_every=2, samples_every=2, log_every=1)
    return replace(quick, checkpoint_every=1), tiny


def _cascade(network: Network, stage: Stage, weights: Path | None, cells: int | None) -> Cascade:
    """The stages up to the one that is trained, begun with `weights`.

    Raises:
        InputError: `weights` is missing, holds something else, or lacks a stage that is needed.
    """
    from maskreel.common.weights import load_state_dict
    from maskreel.inpaint.dfc import Cascade, dfc_s
    from maskreel.inpaint.dfc.small import CELLS, SmallStage

    state: dict[str, torch.Tensor] = {}
    if weights is not None:
        if not weights.is_file():
            raise InputError(f"--weights {weights}: there is no such file")
        state = load_state_dict(weights)
    present = _stages_of(state, weights)
    count = max(present, default=0) if stage == "joint" else int(stage)
    if stage == "joint" and count == 0:
        raise InputError("--stage joint needs --weights with the stages that are to be trained jointly")
    if missing := [number for number in range(1, count) if number not in present]:
        raise InputError(f"--stage {stage} needs --weights with stage {missing[0]}; train that first")

    def made(number: int) -> torch.nn.Module:
        channels = (33, 2) if number == 1 else (66, 4)
        return SmallStage(*channels, cells=cells or CELLS) if network == "small" else dfc_s(*channels)

    stages = [made(number) for number in range(1, count + 1)]
    cascade = Cascade(*stages, fractions=(1.0,) * count)
    _load(cascade, state, present, weights)
    return cascade


def _stages_of(state: Mapping[str, torch.Tensor], weights: Path | None) -> list[int]:
    names = {key.partition(".")[0] for key in state}
    if strange := names - {"stage1", "stage2", "stage3"}:
        raise InputError(
            f"--weights {weights} does not hold stages of DFC-Net; it has keys that begin with {min(strange)!r}"
        )
    return sorted(int(name[-1]) for name in names)


def _load(cascade: Cascade, state: Mapping[str, torch.Tensor], present: Sequence[int], weights: Path | None) -> None:
    """Every stage from the file; a third stage that it lacks starts from the second."""
    from maskreel.common.weights import load_into

    for number, part in enumerate(cascade.stages, 1):
        origin = number if number in present else 2 if number == 3 and 2 in present else None
        if origin is not None:
            prefix = f"stage{origin}."
            own = {key.removeprefix(prefix): value.float() for key, value in state.items() if key.startswith(prefix)}
            load_into(part, own, source=f"--weights {weights}, stage {origin},")


def _speed_up_heads(cascade: Cascade, config: TrainingConfig) -> None:
    """The published ten times the learning rate in what follows the ResNet."""
    from maskreel.inpaint.dfc_training.task import scaled_learning_rate

    if config.optimiser != "sgd":
        return
    for part in cascade.stages:
        head = [parameter for name, parameter in part.named_parameters() if name.startswith("layer5.")]
        scaled_learning_rate(head, PUBLISHED_HEAD_FACTOR, weight_decay=config.weight_decay)


def _samples(
    network: Network,
    stage: Stage,
    cascade: Cascade,
    data: CompletionData,
    output: Path,
    skip_bad: bool,
    place: tuple[int, int],
) -> tuple[WindowSamples | ClipSamples, WindowSamples | ClipSamples, list[ClipSource]]:
    """What to learn from, what to measure on, and the clips of the former."""
    from maskreel.inpaint.dfc_training.clips import ClipSamples, WindowSamples
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
    ordered = getattr(cascade.stage1, "time_ordered", False)

    def opened(files: Sequence[Path], *, vary: bool) -> WindowSamples | ClipSamples:
        if stage == "1":
            return WindowSamples(files, time_ordered=ordered, vary=vary)
        return ClipSamples(files, vary=vary)

    return opened(paths[: len(learned)], vary=True), opened(paths[len(learned) :], vary=False), learned


def _record(
    config: TrainingConfig,
    network: Network,
    stage: Stage,
    weights: Path | None,
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
        "weights": None if weights is None else str(weights),
        "data": f"{told} clips, CompletionData in training.json of the run",
        **provenance(config, result),
        "quality": {name: round(value, 4) for name, value in result.metrics.items()},
    }


def _save(cascade: Cascade, output: Path, record: dict[str, object]) -> None:
    from maskreel.common.atomic import write_json
    from maskreel.common.weights import save_half

    cascade.cpu()
    expects = {"network": record["network"], "cells": getattr(cascade.stage1, "cells", None)}
    save_half(output / "cascade.safetensors", cascade, expects)
    write_json(output / "cascade.json", record)
    logger.info("quality: %s", json.dumps(record["quality"]))
    logger.info("%s", output / "cascade.safetensors")
