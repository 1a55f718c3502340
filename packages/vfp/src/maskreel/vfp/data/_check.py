"""A whole data set, checked for faults of its files and for suspicious content."""

from __future__ import annotations

import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from maskreel.common.datasets import VfpFolder, VfpSplit
from maskreel.common.errors import InputError
from maskreel.vfp.data._inspection import Finding, Inspection, inspect_video

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from maskreel.common.datasets import VfpSequence
    from maskreel.vfp.data._label_events import LabelEventKind


@dataclass(frozen=True)
class DatasetReport:
    """What `check_dataset` has found."""

    videos: dict[str, int]
    """Videos of each split."""
    findings: tuple[Finding, ...]
    """In the order of the videos."""
    label_events: Mapping[LabelEventKind, int]
    """How often the label maps of whole videos did what moving things do not do."""
    objects: int
    """Objects in all labelled frames of whole videos together, each frame counted."""

    @property
    def faults(self) -> tuple[Finding, ...]:
        """Files that are missing or damaged: such videos cannot be used."""
        return tuple(finding for finding in self.findings if finding.is_fault)

    @property
    def suspicions(self) -> tuple[Finding, ...]:
        """Content that looks wrong; a person should look."""
        return tuple(finding for finding in self.findings if not finding.is_fault)


def open_dataset(root: str | os.PathLike[str], splits: Sequence[VfpSplit] = ()) -> list[VfpFolder]:
    """These splits of a data set, by default all that it has.

    Raises:
        InputError: `root` has none of train, val, unlabeled and hidden, or a split cannot be opened.
    """
    chosen = splits or [split for split in get_args(VfpSplit) if (Path(root) / split).is_dir()]
    if not chosen:
        raise InputError(f"{root} holds no data set, expected folders named {', '.join(get_args(VfpSplit))}")
    return [VfpFolder(root, split) for split in chosen]


def check_dataset(
    folders: Sequence[VfpFolder], *, threads: int | None = None, progress: Callable[[int], object] | None = None
) -> DatasetReport:
    """Read every file of every video and tell what is wrong or suspicious.

    Faults are those of `VfpSequence.check`: missing, cut-off or damaged pictures, masks too few, ids above 48.
    Suspicions: frames that look swapped or sorted as text; frames that repeat; red and blue exchanged, by the colours
    of the labelled objects; objects that appear from nowhere, vanish, flicker, change their class or are there twice;
    videos whose first 11 frames are those of another one, in the same or another split.

    Args:
        folders: What to check, such as `open_dataset(root)`.
        threads: Videos looked at at a time; None: one per core.
        progress: Called with 1 after every video.
    """
    videos = [video for folder in folders for video in folder]
    inspections: list[Inspection] = []
    pool = ThreadPoolExecutor(threads or os.cpu_count())
    try:
        for inspection in pool.map(inspect_video, videos):
            inspections.append(inspection)
            if progress is not None:
                progress(1)
    finally:
        pool.shutdown(cancel_futures=True)
    twins = _twins(videos, inspections)
    events: Counter[LabelEventKind] = Counter(event.kind for found in inspections for event in found.events)
    return DatasetReport(
        videos={folder.split: len(folder) for folder in folders},
        findings=tuple(
            finding
            for video, inspection in zip(videos, inspections, strict=True)
            for finding in (*inspection.findings, *twins.get(video, ()))
        ),
        label_events=events,
        objects=sum(inspection.objects for inspection in inspections),
    )


def _twins(videos: Sequence[VfpSequence], inspections: Sequence[Inspection]) -> dict[VfpSequence, list[Finding]]:
    """A finding for every video that repeats an earlier one."""
    first: dict[bytes, VfpSequence] = {}
    found: dict[VfpSequence, list[Finding]] = {}
    for video, inspection in zip(videos, inspections, strict=True):
        earlier = first.setdefault(inspection.digest, video) if inspection.digest else video
        if earlier is not video:
            message = f"its first 11 frames are those of {earlier.split}/{earlier.name}"
            found[video] = [Finding(video.split, video.name, "duplicate", message)]
    return found
