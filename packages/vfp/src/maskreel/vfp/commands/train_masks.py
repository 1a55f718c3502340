"""`maskreel vfp train-masks`: the network that forecasts masks from masks, from clips to weights with their record."""

from __future__ import annotations

import functools
import itertools
import logging
from dataclasses import replace
from pathlib import Path  # noqa: TC003 (tyro reads annotations at run time)
from typing import TYPE_CHECKING, Annotated

import tyro

from maskreel.common.cli import progress
from maskreel.common.errors import InputError, require_extra
from maskreel.common.training import TrainingConfig
from maskreel.vfp.commands._training import measured_on, record
from maskreel.vfp.masks import MaskLoss, MaskNetworkConfig, MaskWindowConfig
from maskreel.vfp.timeline import OBSERVED, TARGET

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import torch
    from torch.utils.data import Dataset

    from maskreel.common.datasets import VfpFolder, VfpSequence
    from maskreel.vfp.masks import MaskNetwork
    from maskreel.vfp.occupancy import Occupancy

    Part = Callable[[torch.Tensor], Occupancy]

logger = logging.getLogger(__name__)

SHIPPED = TrainingConfig(
    steps=1600,
    batch_size=8,
    optimiser="adamw",
    lr=4e-3,
    weight_decay=1e-2,
    schedule="onecycle",
    warmup=0.05,
    clip_norm=1.0,
    ema=0.99,
    checkpoint_every=100,
    evaluate_every=300,
    samples_every=600,
    log_every=25,
)
"""What trained the weights that come with the package."""

_TUNED = 150
"""Training clips on which the threshold is chosen."""


def train_masks(
    data: tyro.conf.Positional[tuple[Path, ...]],
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])],
    config: TrainingConfig = SHIPPED,
    network: MaskNetworkConfig = MaskNetworkConfig(),  # noqa: B008 (frozen)
    windows: MaskWindowConfig = MaskWindowConfig(),  # noqa: B008
    loss: MaskLoss = MaskLoss(),  # noqa: B008
    fine_tune: int = 0,
    fine_tune_lr: float = 1e-4,
    world: int = 0,
    unlabeled: tuple[Path, ...] = (),
    least_confidence: float = 0.9,
    held_out: tuple[Path, ...] = (),
    segmenter: Path | None = None,
    table: Path | None = None,
    weights: Path | None = None,
    skip_bad: bool = False,
    quarantine: Path | None = None,
    watched: int = 40,
    measured: int = 200,
) -> int:
    """Train a network that forecasts the mask of frame 22 from the masks of frames 1 to 11, and measure it.

    Killed? Run the same command again: it goes on where it was. It learns from true masks, made faulty as a segmenter's
    are, and is measured twice: with the true masks of the observed frames, and with those that a segmenter finds.

    Args:
        data: Data sets in the layout of vfp, whose train splits are learned from; none with --world.
        output: The folder of the run: masks.safetensors, masks.json, log.jsonl and pictures.
        config: How it is trained.
        network: The network.
        windows: How clips are cut and varied.
        loss: What is minimised.
        fine_tune: Steps of a second training after that; then it alone feeds masks back.
        fine_tune_lr: Its learning rate, which stays the same.
        world: Learn also from so many clips of the table scene, easy, medium and hard in turn, rendered as needed.
        unlabeled: Data sets whose unlabeled splits are learned from, too, after a segmenter has labelled them.
        least_confidence: Unlabeled clips of which the segmenter is less sure, somewhere, are left out.
        held_out: Data sets whose val splits are measured on; by default those of DATA that have one.
        segmenter: Weights of the segmenter; by default the one that comes with the package.
        table: With --prior: camera and motion for the forecast by simulated objects that the network refines; by
            default those that come with the package.
        weights: Start from these, which also say what the network is.
        skip_bad: Check all videos and leave out the bad ones by name; else the first ends the run.
        quarantine: A list of videos to leave out of all data sets, as check-data writes it.
        watched: Held-out clips of each data set that are measured during training.
        measured: Held-out clips of each data set that are measured at the end; those given by a segmenter take time.
    """
    require_extra("maskreel-vfp[train]", "mmengine")
    import torch

    from maskreel.common.training import is_first, train
    from maskreel.vfp.data import open_split, spread
    from maskreel.vfp.masks import LabelWindows, MaskForecastTask, save_mask_network
    from maskreel.vfp.masks._sources import labels_of

    opened = functools.partial(open_split, quarantine=quarantine, skip_bad=skip_bad)
    sources = _sources([opened(root, "train") for root in data], world, config.seed)
    sources += _pseudo_labelled(unlabeled, opened, segmenter, output, least_confidence)
    if not sources:
        raise InputError("there is nothing to learn from: name data sets, or give --world N for N rendered clips")
    unseen = _by_name(measured_on(held_out, data), opened)
    torch.manual_seed(config.seed)
    net = _network(network, weights)
    prior = _prior(net, table)
    clips = {name: [labels_of(video) for video in spread(videos, watched)] for name, videos in unseen.items()}
    samples = torch.utils.data.ConcatDataset([LabelWindows(part, windows, prior=prior) for part in sources])
    task = functools.partial(MaskForecastTask, net, clips, prior=prior)
    result = train(task(loss=replace(loss, feedback_chance=0.0) if fine_tune else loss), samples, config, output)
    if fine_tune:
        second = replace(config, steps=fine_tune, epochs=None, lr=fine_tune_lr, schedule="constant", warmup=None)
        result = train(task(loss=loss), samples, second, output / "fine_tuning")
    if is_first(config):
        forecast = _forecaster(net.cpu().eval(), prior, sources)
        chosen = {name: spread(videos, measured) for name, videos in unseen.items()}
        told = f"{len(samples)} clips of {_told(data, world, unlabeled)}"
        about = record(config, result, data=told, quality=_quality(forecast, net, chosen, segmenter))
        save_mask_network(net, output / "masks.safetensors", about)
        logger.info("%s", output / "masks.safetensors")
    return 0


def _sources(folders: Sequence[VfpFolder], world: int, seed: int) -> list[Dataset[torch.Tensor]]:
    from maskreel.vfp.masks import StoredMasks
    from maskreel.vfp.masks._sources import world_masks

    found: list[Dataset[torch.Tensor]] = [StoredMasks(list(folder)) for folder in folders]
    return [*found, world_masks(world, seed)] if world else found


def _by_name(roots: Sequence[Path], opened: Callable[..., VfpFolder]) -> dict[str, list[VfpSequence]]:
    """The val splits; scores are told apart by the names of the data sets."""
    return {name: list(opened(root, "val")) for name, root in zip(_names(roots, "measure on"), roots, strict=True)}


def _names(roots: Sequence[Path], purpose: str) -> list[str]:
    names = [root.absolute().name for root in roots]
    if doubles := {name for name in names if names.count(name) > 1}:
        raise InputError(f"two data sets to {purpose} are called {doubles.pop()}, expected different names")
    return names


def _pseudo_labelled(
    roots: Sequence[Path], opened: Callable[..., VfpFolder], segmenter: Path | None, output: Path, least: float
) -> list[Dataset[torch.Tensor]]:
    from maskreel.vfp.masks._sources import pseudo_masks
    from maskreel.vfp.segmentation import load_segmenter

    if not roots:
        return []
    _names(roots, "label")  # the masks of each lie in a folder of OUTPUT that is called like it
    folders, model = [opened(root, "unlabeled") for root in roots], load_segmenter(segmenter)
    with progress(description="label", total=sum(map(len, folders)), unit="videos") as bar:
        return [pseudo_masks(videos, model, output, least=least, progress=bar.update) for videos in folders]


def _network(config: MaskNetworkConfig, weights: Path | None) -> MaskNetwork:
    from maskreel.vfp.masks import build_mask_network, load_mask_network

    network = build_mask_network(config) if weights is None else load_mask_network(weights).requires_grad_(True)
    millions = sum(parameter.numel() for parameter in network.parameters()) / 1e6
    logger.info("%s, targets %s: %.2f million parameters", network.config.design, network.config.targets, millions)
    return network


def _prior(network: MaskNetwork, table: Path | None) -> Part | None:
    if not network.config.prior:
        return None
    from maskreel.vfp.objects import ObjectForecaster, Table

    return ObjectForecaster(Table.load(table))


def _forecaster(network: MaskNetwork, prior: Part | None, sources: Sequence[Dataset[torch.Tensor]]) -> Part:
    """The trained network as a forecaster; it gets its threshold here."""
    from maskreel.vfp.masks import MaskSpaceForecaster, best_threshold
    from maskreel.vfp.masks._sources import in_turn

    forecaster = MaskSpaceForecaster(network)

    def forecast(labels: torch.Tensor) -> Occupancy:
        return forecaster(labels, None if prior is None else prior(labels))

    if network.config.threshold is None:
        threshold = best_threshold(forecast, in_turn(sources, _TUNED))
        network.config = replace(network.config, threshold=threshold)
        logger.info("threshold: %g", threshold)
    return forecast


def _quality(
    forecast: Part, network: MaskNetwork, unseen: Mapping[str, Sequence[VfpSequence]], segmenter: Path | None
) -> dict[str, float]:
    """Scores by names such as easy_iou and, with the masks that the segmenter finds, easy_segmented_iou."""
    from maskreel.vfp.masks import forecast_quality
    from maskreel.vfp.masks._sources import labels_of
    from maskreel.vfp.segmentation import load_segmenter

    scores: dict[str, float] = {}
    if not unseen:
        return scores
    model = load_segmenter(segmenter)
    for (name, videos), found in itertools.product(unseen.items(), ("", "segmented_")):
        clips = ((labels_of(video), video) for video in videos)
        pairs = (
            (model(video.frames(0, OBSERVED)) if found else truth[:OBSERVED], truth[TARGET]) for truth, video in clips
        )
        with progress(description=f"measure {name}", total=len(videos), unit="clips") as bar:
            quality = forecast_quality(forecast, pairs, threshold=network.config.threshold, progress=bar.update)
        scores |= {f"{name}_{found}{key}": value for key, value in quality.items()}
        told = ", ".join(f"{key} {value:.4f}" for key, value in quality.items())
        logger.info("%s %s: %s", name, "segmented masks" if found else "true masks", told)
        if quality["iou"] <= quality["copy_last"]:
            logger.warning("%s: the forecast is not better than the last observed mask, copied", name)
    return scores


def _told(data: Sequence[Path], world: int, unlabeled: Sequence[Path]) -> str:
    parts = [f"{root} (train)" for root in data]
    parts += [f"TableScene (easy, medium and hard in turn, masks only, {world})"] if world else []
    return " and ".join([*parts, *(f"{root} (unlabeled, labelled by a segmenter)" for root in unlabeled)])
