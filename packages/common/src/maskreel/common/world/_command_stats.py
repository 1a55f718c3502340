"""`maskreel world stats`: what the masks of a data set are like."""

from __future__ import annotations

import logging
import sys
from pathlib import Path  # noqa: TC003 (tyro reads annotations at run time)
from typing import TYPE_CHECKING, Literal

import tyro  # noqa: TC002 (the same)

from maskreel.common.cli import progress
from maskreel.common.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch

    from maskreel.common.datasets import VfpFolder
    from maskreel.common.world._statistics import MaskStatistics

logger = logging.getLogger(__name__)


def stats(
    data: tyro.conf.Positional[Path],
    split: Literal["train", "val"] = "train",
    skip_bad: bool = False,
    pictures: bool = True,
) -> int:
    """Print what the masks of a data set in the layout of vfp are like: objects, motion, copy-last.

    Args:
        data: The data set, which holds train and val.
        split: Which of them.
        skip_bad: Leave out and list videos with a fault; otherwise the first one is an error.
        pictures: Read the frames, too, for the statistics of the colour channels.
    """
    from maskreel.common.world import MaskStatistics

    dataset = opened(data, split, skip_bad)
    frames = (pixels.permute(0, 2, 3, 1).numpy() for pixels in _frames(dataset)) if pictures else None
    found = MaskStatistics.measure((labels.numpy() for labels in read_labels(dataset)), frames=frames)
    sys.stdout.write("".join(f"{name:30} {value}\n" for name, value in rows(found)))
    return 0


def opened(folder: Path, split: Literal["train", "val"], skip_bad: bool) -> VfpFolder:
    from maskreel.common.datasets import VfpFolder

    if not skip_bad:
        return VfpFolder(folder, split)
    with progress(description="check", unit="videos") as bar:
        dataset = VfpFolder(folder, split, skip_bad=True, progress=bar.update)
    for fault in dataset.skipped:
        logger.warning("%s: left out, %s", fault.sequence, fault)
    if len(dataset) == 0:
        raise InputError(f"{folder / split} holds no video without a fault")
    return dataset


def read_labels(dataset: VfpFolder) -> Iterator[torch.Tensor]:
    size = dataset[0].size
    for video in progress(dataset, description="masks", unit="videos"):
        labels = video.labels()
        assert labels is not None, "the split is train or val"
        if video.size != size:
            raise InputError(
                f"{video.folder} has frames of {video.size[1]}x{video.size[0]} pixels, "
                f"expected {size[1]}x{size[0]} like {dataset[0].name}"
            )
        yield labels


def _frames(dataset: VfpFolder) -> Iterator[torch.Tensor]:
    for video in progress(dataset, description="frames", unit="videos"):
        yield video.frames()


def rows(found: MaskStatistics) -> list[tuple[str, str]]:
    rows = [
        ("videos", f"{found.clips}"),
        ("height, width", f"{found.size[0]}, {found.size[1]}"),
        ("objects per frame", f"{found.objects_per_frame:.3f}"),
        ("pixels per object", f"{found.object_area:.1f}"),
        ("pixels per frame, 10 % below", f"{found.displacements[0]:.3f}"),
        ("                  25 % below", f"{found.displacements[1]:.3f}"),
        ("                  50 % below", f"{found.displacements[2]:.3f}"),
        ("                  75 % below", f"{found.displacements[3]:.3f}"),
        ("                  90 % below", f"{found.displacements[4]:.3f}"),
        ("below 0.25 pixels per frame", f"{found.static_share:.3f}"),
        ("never seen in frames 0 to 10", f"{found.unseen_share:.3f}"),
        ("copy-last, pooled", f"{found.copy_last:.4f}"),
        ("copy-last, per clip", f"{found.copy_last_per_clip:.4f}"),
    ]
    for name, channels in (("mean", found.channel_mean), ("std", found.channel_std)):
        if channels is not None:
            rows.append((f"{name} of red, green, blue", ", ".join(f"{value:.5f}" for value in channels)))
    return rows
