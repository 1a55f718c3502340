"""`maskreel vfp check-data`: what is wrong with a data set, and the list of videos to leave out."""

from __future__ import annotations

import logging
import sys
from collections import Counter
from pathlib import Path  # noqa: TC003 (tyro reads annotations at run time)
from typing import TYPE_CHECKING, Literal

import tyro  # noqa: TC002 (the same)

from maskreel.common.cli import progress
from maskreel.common.errors import InputError

if TYPE_CHECKING:
    from maskreel.vfp.data import DatasetReport, Finding

logger = logging.getLogger(__name__)

_KINDS = {
    "file": "missing, damaged or misfit files",
    "order": "frames that look out of order",
    "repeat": "frames that repeat",
    "channels": "red and blue look exchanged",
    "duplicate": "the first 11 frames of another video",
    "labels": "masks that do what moving things do not",
}


def check_data(
    data: tyro.conf.Positional[Path],
    split: tuple[Literal["train", "val", "unlabeled", "hidden"], ...] = (),
    quarantine: Path | None = None,
    overwrite: bool = False,
    threads: int | None = None,
) -> int:
    """Read every file of a data set and list faults, and what is suspicious in pictures and masks.

    Exit code 1 if a video has a fault. Suspicions are warnings: frames that look out of order or repeat, red and blue
    exchanged, objects that appear from nowhere, vanish, flicker or change their class, and videos that are there twice.

    Args:
        data: The data set, which holds train, val, unlabeled or hidden.
        split: Which of them; by default all that are there.
        quarantine: Write the bad videos to this text file, one a line with the reason. Edit it as you like, and give
            it to the other commands. Suspicious videos are listed in it without effect, for you to decide.
        overwrite: Replace that file, which you may have edited.
        threads: Videos looked at at a time; by default one per core.
    """
    from maskreel.vfp.data import check_dataset, open_dataset, write_quarantine

    if threads is not None and threads < 1:
        raise InputError(f"--threads must be 1 or more, got {threads}")
    if quarantine is not None and quarantine.exists() and not overwrite:
        raise InputError(f"{quarantine} exists and may have been edited; choose another name, or --overwrite")
    folders = open_dataset(data, split)
    with progress(description="check", total=sum(map(len, folders)), unit="videos") as bar:
        report = check_dataset(folders, threads=threads, progress=bar.update)
    sys.stdout.write(_listing(report))
    if quarantine is not None:
        write_quarantine(quarantine, report.findings)
        logger.info("%s", quarantine)
    return 1 if report.faults else 0


def _listing(report: DatasetReport) -> str:
    """Faults first, then suspicions, by kind; at the end what it comes to."""
    lines: list[str] = []
    for kind, title in _KINDS.items():
        found = [finding for finding in report.findings if finding.kind == kind]
        if found:
            lines += [f"{'fault' if found[0].is_fault else 'suspicious'}: {title}", *map(_line, found), ""]
    return "\n".join([*lines, *_summary(report)]) + "\n"


def _line(finding: Finding) -> str:
    return f"  {finding.split}/{finding.video}: {finding.message}"


def _summary(report: DatasetReport) -> list[str]:
    videos = ", ".join(f"{count} {split}" for split, count in report.videos.items())
    bad, odd = (len({(one.split, one.video) for one in found}) for found in (report.faults, report.suspicions))
    kinds = Counter(finding.kind for finding in report.findings)
    lines = [f"videos: {videos}; {bad} with faults, {odd} suspicious"]
    if 2 * kinds["channels"] > sum(report.videos.values()):
        lines.append("most videos have red and blue exchanged: the whole data set was probably written as BGR")
    if report.objects:
        shares = [f"{kind} {count} ({count / report.objects:.2%})" for kind, count in report.label_events.items()]
        lines.append(f"masks: {report.objects} objects in all frames together; {', '.join(shares) or 'none is odd'}")
    return lines
