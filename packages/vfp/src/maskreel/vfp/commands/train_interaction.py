"""`maskreel vfp train-interaction`: the network of objects that meet, from masks to weights with their record."""

from __future__ import annotations

import functools
import logging
from pathlib import Path  # noqa: TC003 (tyro reads annotations at run time)
from typing import TYPE_CHECKING, Annotated

import tyro

from maskreel.common.cli import progress
from maskreel.common.errors import InputError, require_extra
from maskreel.common.training import TrainingConfig
from maskreel.vfp.commands._training import measured_on, record
from maskreel.vfp.interaction import InteractionConfig

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from maskreel.common.datasets import VfpFolder
    from maskreel.vfp.interaction import HeldOut, Scenarios
    from maskreel.vfp.objects import Table
    from maskreel.vfp.objects.tracks import Track

logger = logging.getLogger(__name__)

SHIPPED = TrainingConfig(
    steps=3000,
    batch_size=256,
    optimiser="adamw",
    lr=2e-3,
    weight_decay=1e-2,
    schedule="onecycle",
    warmup=0.05,
    clip_norm=1.0,
    ema=0.99,
    checkpoint_every=200,
    evaluate_every=500,
    log_every=25,
)
"""What trained the weights that come with the package."""


def train_interaction(
    data: tyro.conf.Positional[tuple[Path, ...]],
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])],
    config: TrainingConfig = SHIPPED,
    network: InteractionConfig = InteractionConfig(),  # noqa: B008 (frozen)
    table: Path | None = None,
    clips: int = 200,
    scenarios: int = 30_000,
    crowd: tuple[int, int] = (4, 6),
    repeats: int = 8,
    held_out: tuple[Path, ...] = (),
    measured: int = 60,
    skip_bad: bool = False,
    quarantine: Path | None = None,
) -> int:
    """Train a network that forecasts how objects move on and meet, on simulated clips, and measure it on real ones.

    Killed? Run the same command again: it reads and simulates anew what it learns from, and goes on where it was. How
    objects come into clips is read from the masks of the train splits; how they move on is simulated as the table says,
    which `maskreel vfp fit-table` fits to masks, too.

    Args:
        data: Data sets in the layout of vfp, whose train splits are learned from.
        output: The folder of the run: interaction.safetensors, interaction.json and log.jsonl.
        config: How it is trained.
        network: The network.
        table: Camera, solids and motions; by default those that come with the package.
        clips: Clips of each data set that are read.
        scenarios: Clips to simulate.
        crowd: The least and most objects of a simulated clip.
        repeats: How often the clips that were read are learned from, each time that every simulated one is once; 0 to
            learn from simulated clips alone.
        held_out: Data sets whose val splits are measured on; by default those of DATA that have one.
        measured: Held-out clips of each data set that are measured.
        skip_bad: Check all videos and leave out the bad ones by name; else the first ends the run.
        quarantine: A list of videos to leave out of all data sets, as check-data writes it.
    """
    _check(data, {"clips": clips, "scenarios": scenarios, "measured": measured}, crowd, repeats, network)
    import torch

    from maskreel.common.training import is_first, train
    from maskreel.vfp.data import open_split
    from maskreel.vfp.interaction import HeldOut, InteractionTask, Recorded, build_interaction, save_interaction
    from maskreel.vfp.objects import Table

    place = Table.load(table)
    opened = functools.partial(open_split, quarantine=quarantine, skip_bad=skip_bad)
    ways = [way for root in data for way in _tracks(place, opened(root, "train"), clips)]
    unseen = {
        root.absolute().name: HeldOut(place, _tracks(place, opened(root, "val"), measured), slots=network.objects)
        for root in measured_on(held_out, data)
    }
    simulated = _simulated(place, ways, scenarios, crowd, slots=network.objects, seed=config.seed)
    samples = torch.utils.data.ConcatDataset([simulated, *[Recorded(ways, slots=network.objects)] * repeats])
    torch.manual_seed(config.seed)
    net = build_interaction(network)
    task = InteractionTask(net, unseen)
    result = train(task, samples, config, output)
    if is_first(config):
        net.cpu().eval()
        told = f"{scenarios} simulated and {len(ways)} real clips of {_told(data)}"
        about = record(config, result, data=told, quality=task.evaluate(task.module))
        save_interaction(net, output / "interaction.safetensors", about)
        _tell(about.quality, unseen)
        logger.info("%s", output / "interaction.safetensors")
    return 0


def _check(
    data: Sequence[Path],
    counts: Mapping[str, int],
    crowd: tuple[int, int],
    repeats: int,
    network: InteractionConfig,
) -> None:
    """Before half an hour's work, not after it."""
    require_extra("maskreel-vfp[train]", "mmengine")
    if not data:
        raise InputError("there is nothing to learn from: name data sets")
    for name, value in counts.items():
        if value < 1:
            raise InputError(f"--{name} must be 1 or more, got {value}")
    if repeats < 0:
        raise InputError(f"--repeats must be 0 or more, got {repeats}")
    if not 1 <= crowd[0] <= crowd[1] <= network.objects:
        raise InputError(f"--crowd must rise from 1 or more to at most {network.objects}, got {crowd}")


def _tracks(table: Table, videos: VfpFolder, count: int) -> list[list[Track]]:
    """The tracks of at most `count` videos, evenly spread."""
    from maskreel.vfp.data import spread
    from maskreel.vfp.masks._sources import labels_of
    from maskreel.vfp.objects.tracks import tracks

    shown = f"track {videos.root.name} {videos.split}"
    chosen = progress(spread(list(videos), count), description=shown, unit="clips")
    return [tracks(table, labels_of(video).numpy()) for video in chosen]


def _simulated(
    table: Table, ways: Sequence[Sequence[Track]], count: int, crowd: tuple[int, int], *, slots: int, seed: int
) -> Scenarios:
    """Clips whose objects come in as those of `ways` do."""
    from maskreel.vfp.interaction import EntryPool, Scenarios

    pool = EntryPool.of(table, ways)
    logger.info("%d objects of %d clips", len(pool), len(ways))
    with progress(description="simulate", total=count, unit="clips") as bar:
        return Scenarios(table, pool, count, objects=crowd, seed=seed, slots=slots, progress=bar.update)


def _tell(quality: Mapping[str, float], unseen: Mapping[str, HeldOut]) -> None:
    for name in unseen:
        ours, friction, physics = (quality[f"{name}_{key}"] for key in ("error", "friction_error", "physics_error"))
        logger.info(
            "%s: mean error in frame 22 %.3f radii; with friction alone %.3f, with collisions %.3f",
            name,
            ours,
            friction,
            physics,
        )
        if ours >= friction:
            logger.warning("%s: the network is not better than friction alone", name)


def _told(data: Sequence[Path]) -> str:
    return " and ".join(f"{root} (train)" for root in data)
