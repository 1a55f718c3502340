"""Where label maps to learn from and to measure on come from."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from maskreel.common.world import TableScene
from maskreel.vfp.masks._clips import StoredMasks, WorldMasks
from maskreel.vfp.masks._pseudo import pseudo_label

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import torch
    from torch.utils.data import Dataset

    from maskreel.common.datasets import VfpFolder, VfpSequence
    from maskreel.vfp.segmentation import Segmenter

__all__ = ["in_turn", "labels_of", "pseudo_masks", "world_masks"]


def world_masks(count: int, seed: int) -> WorldMasks:
    """Clips of the table scene: easy, medium, hard, easy, ..."""
    return WorldMasks([TableScene.preset(name) for name in ("easy", "medium", "hard")], count, seed=seed)


def pseudo_masks(
    videos: VfpFolder, segmenter: Segmenter, output: Path, *, least: float, progress: Callable[[int], object]
) -> StoredMasks:
    """The unlabeled split of a data set, labelled by a segmenter into a folder of `output`."""
    folder = output / f"pseudo_{videos.root.absolute().name}"
    return StoredMasks(pseudo_label(videos, segmenter, folder, least=least, progress=progress))


def labels_of(video: VfpSequence) -> torch.Tensor:
    """The label maps of a video that has them."""
    return StoredMasks([video])[0]


def in_turn(parts: Sequence[Dataset[torch.Tensor]], count: int) -> Iterator[torch.Tensor]:
    """The first clips of several sources, one of each in turn, `count` together."""
    places = itertools.chain.from_iterable(
        ((part, index) for part in parts if index < len(part))  # pyright: ignore[reportArgumentType]
        for index in range(max(len(part) for part in parts))  # pyright: ignore[reportArgumentType]
    )
    return (part[index] for part, index in itertools.islice(places, count))
