"""Shared by the benchmark scripts: clips to invert, configs from flags, seconds, tables."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import torch

from maskreel.common.datasets import VfpFolder
from maskreel.common.maskrcnn import SHAPES_CLASS_NAMES
from maskreel.common.world import TableScene
from maskreel.inversion.config import PRESETS
from maskreel.inversion.report import Subject
from maskreel.inversion.targets import FrameTarget

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from maskreel.inversion.config import InversionConfig

__all__ = ["Clip", "add_clip_flags", "add_config_flags", "clips", "clock", "config_of", "markdown", "targets_of"]

UNSEEN = 900_000_001
"""First seed of the rendered clips, far from those of every training set."""


class Clip(NamedTuple):
    """Frames of the table world with their masks; labels are those of the `shapes` teacher."""

    name: str
    real: torch.Tensor
    """uint8 (T, 3, H, W)."""
    targets: tuple[FrameTarget, ...]

    def subject(self, frames: torch.Tensor | None = None) -> Subject:
        """For the report; without frames the real ones stand in."""
        made = self.real if frames is None else frames
        return Subject(self.name, made, self.targets, SHAPES_CLASS_NAMES, self.real)


def add_clip_flags(parser: argparse.ArgumentParser, *, clips: int, every: int = 3) -> None:
    parser.add_argument("--clips", type=int, default=clips, help="how many")
    parser.add_argument("--every", type=int, default=every, help="take every so many frames")
    parser.add_argument("--frames", type=int, help="at most so many of these")
    parser.add_argument("--first", type=int, default=0, help="clips to pass over")
    parser.add_argument("--difficulty", choices=("easy", "medium", "hard"), default="medium", help="of rendered clips")


def add_config_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--steps", type=int, help="of the optimiser; by default those of the preset")
    parser.add_argument("--batch", type=int, help="frames in a step")
    parser.add_argument("--stages", type=int, help="sizes from coarse to fine")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--weights", nargs="*", default=[], metavar="NAME=VALUE", help="such as mask=0.3 tv_l1=0.01")


def config_of(options: argparse.Namespace, **changes: object) -> InversionConfig:
    """The default preset with the flags that were given."""
    given = {name: getattr(options, name) for name in ("steps", "batch", "stages", "seed")}
    changes |= {name: value for name, value in given.items() if value is not None}
    weights = dict(word.split("=") for word in options.weights)
    config: InversionConfig = replace(PRESETS["default"], **changes)
    return config.with_weights(**{name: float(value) for name, value in weights.items()})


def clips(folder: Path | None, options: argparse.Namespace) -> Iterator[Clip]:
    """Videos of a split of the vfp data set, or rendered from seeds that nothing was trained on."""
    taken = slice(None, None, options.every)
    for name, frames, labels in islice(_videos(folder, options), options.first, options.first + options.clips):
        some, maps = frames[taken][: options.frames], labels[taken][: options.frames]
        yield Clip(name, some, tuple(targets_of(maps)))


def _videos(folder: Path | None, options: argparse.Namespace) -> Iterator[tuple[str, torch.Tensor, torch.Tensor]]:
    if folder is not None:
        for video in VfpFolder(folder.parent, "val" if folder.name == "val" else "train"):
            labels = video.labels()
            assert labels is not None
            yield video.name, video.frames(), labels
        return
    scene, seed = TableScene.preset(options.difficulty), UNSEEN
    while True:
        frames, labels = scene.frames_and_labels(seed)
        yield f"seed_{seed}", torch.from_numpy(frames).movedim(-1, 1).contiguous(), torch.from_numpy(labels)
        seed += 1


def targets_of(labels: torch.Tensor) -> list[FrameTarget]:
    """One per label map, all with the objects that are in any of them."""
    ids = torch.tensor([i for i in labels.unique().tolist() if i], dtype=torch.int64)
    return [FrameTarget(one == ids[:, None, None], ids) for one in labels]


def clock() -> float:
    """Seconds: with one thread the processor's, which other work on the machine hardly touches."""
    return time.process_time() if torch.get_num_threads() == 1 else time.perf_counter()


def markdown(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table."""
    print("\n| " + " | ".join(header) + " |")
    print("|" + "---|" * len(header))
    for row in rows:
        print("| " + " | ".join(map(_cell, row)) + " |", flush=True)


def _cell(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
