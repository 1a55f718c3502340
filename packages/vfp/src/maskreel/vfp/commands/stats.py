"""`maskreel vfp stats`: what the pixels and the masks of a data set are like."""

from __future__ import annotations

import math
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from maskreel.common.cli import progress
from maskreel.common.errors import InputError
from maskreel.vfp.commands._opening import opened

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import torch

    from maskreel.common.datasets import VfpFolder


def stats(
    data: tyro.conf.Positional[Path],
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path("statistics.json"),
    split: Literal["train", "val", "unlabeled", "hidden"] = "train",
    labels: bool = True,
    quarantine: Path | None = None,
    skip_bad: bool = False,
) -> int:
    """Measure the colour channels of a data set, and what its masks are like where it has them.

    Networks normalise their input by the mean and the standard deviation. Prints everything and writes it as JSON.

    Args:
        data: The data set, which holds train, val, unlabeled or hidden.
        output: The file to write.
        split: Which videos.
        labels: Measure the masks of train and val, too.
        quarantine: A list of videos to leave out, as check-data writes it.
        skip_bad: Leave out videos with a fault and name them; otherwise the first one is an error.
    """
    from maskreel.vfp.data import channel_statistics

    if output.suffix.lower() != ".json":
        raise InputError(f"{output} must end in .json")
    videos = opened(data, split, quarantine, skip_bad)
    channels = channel_statistics(_frames(videos))
    masks = _masks(videos) if labels and videos[0].is_annotated else None
    frames = sum(video.frame_count for video in videos)
    channels.save(output, data=str(data), split=split, videos=len(videos), frames=frames, labels=masks)
    rows = [("videos", str(len(videos))), ("frames", str(frames))]
    rows += [(f"{name} of red, green, blue", _shown(value)) for name, value in asdict(channels).items()]
    rows += [(name.replace("_", " "), _shown(value)) for name, value in (masks or {}).items()]
    sys.stdout.write("".join(f"{name:30} {value}\n" for name, value in rows))
    return 0


def _frames(videos: VfpFolder) -> Iterator[torch.Tensor]:
    for video in progress(videos, description="frames", unit="videos"):
        yield video.frames()


def _masks(videos: VfpFolder) -> dict[str, Any]:
    """The numbers of `MaskStatistics`; None where there is no such object, because JSON has no nan."""
    from maskreel.common.world import MaskStatistics

    found = asdict(MaskStatistics.measure(_labels(videos)))
    return {name: _without_nan(value) for name, value in found.items() if not name.startswith(("channel", "clips"))}


def _labels(videos: VfpFolder) -> Iterator[np.ndarray]:
    size = videos[0].size
    for video in progress(videos, description="masks", unit="videos"):
        labels = video.labels()
        assert labels is not None, "the split is train or val"
        if video.size != size:
            raise InputError(
                f"{video.folder} has frames of {video.size[1]}x{video.size[0]} pixels, expected {size[1]}x{size[0]} "
                f"like {videos[0].name}; --no-labels measures the frames alone"
            )
        yield labels.numpy()


def _without_nan(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_without_nan, value))
    return None if isinstance(value, float) and math.isnan(value) else value


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(_shown, value))
    return "-" if value is None else f"{value:.5g}" if isinstance(value, float) else str(value)
