"""How every command opens a split of the data set: without the videos that are to be left out, and saying so."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from maskreel.common.datasets import VfpFolder
from maskreel.common.errors import InputError
from maskreel.vfp.data._quarantine import Quarantine

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from maskreel.common.datasets import VfpSequence, VfpSplit

logger = logging.getLogger(__name__)


def open_split(
    root: str | os.PathLike[str],
    split: VfpSplit,
    *,
    quarantine: Quarantine | str | os.PathLike[str] | None = None,
    skip_bad: bool = False,
    progress: Callable[[int], object] | None = None,
) -> VfpFolder:
    """The videos of a split; what is left out is logged by name.

    Args:
        root: The data set.
        split: Which videos.
        quarantine: Videos to leave out, or the file that lists them.
        skip_bad: Read all files now and leave out videos with a fault; otherwise the first that is read is an error.
        progress: Called with 1 after every video that `skip_bad` has checked.

    Raises:
        InputError: The split or the list cannot be read, or no video is left.
    """
    unwanted = frozenset() if quarantine is None else tell_left_out(list(VfpFolder(root, split)), split, quarantine)
    dataset = VfpFolder(root, split, leave_out=unwanted, skip_bad=skip_bad, progress=progress)
    if dataset.skipped:
        logger.warning("left out of %s because of faults: %d of the videos", split, _count(dataset))
    for fault in dataset.skipped:
        logger.warning("%s: %s", fault.sequence, fault)
    if len(dataset) == 0:
        raise InputError(f"{dataset.root / split} has no video left: all are in quarantine or have faults")
    return dataset


def lists_for(data: Sequence[Path], quarantine: Sequence[Path]) -> Sequence[Path | None]:
    """The quarantine list of each of several data sets: its own, or one for all; None if there are no lists at all.

    Raises:
        InputError: There are several lists, but more or fewer than data sets.
    """
    if len(quarantine) <= 1:
        return [next(iter(quarantine), None)] * len(data)
    if len(quarantine) != len(data):
        raise InputError(
            f"--quarantine must name one list for all, or one for each of {len(data)} data sets, got {len(quarantine)}"
        )
    return quarantine


def tell_left_out(
    videos: Sequence[VfpSequence], split: str, quarantine: Quarantine | str | os.PathLike[str]
) -> frozenset[int]:
    """Numbers of the videos of a split that a list leaves out; their names are logged."""
    if not isinstance(quarantine, Quarantine):
        quarantine = Quarantine.read(quarantine)
    unwanted, source = quarantine.numbers(split), quarantine.path or "the quarantine list"
    found = [video.name for video in videos if video.number in unwanted]
    logger.warning("left out of %s by %s: %d of %d videos%s", split, source, len(found), len(videos), _names(found))
    strangers = sorted(unwanted - {video.number for video in videos})
    if strangers:
        names = _names(f"video_{number}" for number in strangers)
        logger.warning("%s names videos that %s does not have%s", source, split, names)
    return unwanted


def _names(names: Iterable[str]) -> str:
    listed = ", ".join(names)
    return f": {listed}" if listed else ""


def _count(dataset: VfpFolder) -> int:
    return len({fault.sequence for fault in dataset.skipped})
