"""The videos in a folder of the vfp data set, in either of its two layouts."""

from __future__ import annotations

import itertools
import os
import re
from pathlib import Path

from maskreel.common.datasets._vfp_sequence import VfpSequence, VfpSplit
from maskreel.common.errors import InputError

_VIDEO = re.compile(r"video_(\d+)")


def observed_videos(folder: str | os.PathLike[str]) -> list[VfpSequence]:
    """The videos of a split, whatever the name of its folder, in the order of their numbers: the first 11 frames alone.

    Raises:
        InputError: As `VfpFolder` does.
    """
    return list_videos(Path(folder), "hidden")


def holds_videos(folder: str | os.PathLike[str]) -> bool:
    """Whether a folder looks like a split of the vfp data set."""
    return bool(_numbered(Path(folder)) or _numbered(Path(folder) / "input"))


def list_videos(folder: Path, split: VfpSplit) -> list[VfpSequence]:
    """The videos in the folder of a split in the order of their numbers."""
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder, expected the videos of the {split} split: video_0, video_1, ...")
    together, seen = _by_number(folder), _by_number(folder / "input")
    if together and seen:
        raise InputError(f"{folder} holds {together[min(together)].name} beside input, expected videos in one of them")
    if together:
        return [VfpSequence(together[number], split, number) for number in sorted(together)]
    apart = (folder / "target").is_dir() and split != "hidden"
    future = _by_number(folder / "target") if apart else {}
    if not seen and not future:
        raise InputError(
            f"{folder} holds no videos, expected folders named video_0, video_1, ... in it, or in its input and target"
        )
    return [_apart(folder, split, number, seen, future if apart else None) for number in sorted({*seen, *future})]


def _apart(
    folder: Path, split: VfpSplit, number: int, seen: dict[int, Path], future: dict[int, Path] | None
) -> VfpSequence:
    """A video of which one half may be missing: that is a fault of the video, found when it is read."""
    name = (seen.get(number) or (future or {})[number]).name
    target = None if future is None else future.get(number, folder / "target" / name)
    return VfpSequence(seen.get(number, folder / "input" / name), split, number, target)


def _by_number(folder: Path) -> dict[int, Path]:
    found = _numbered(folder)
    for (number, name), (other, twin) in itertools.pairwise(found):
        if number == other:
            raise InputError(f"{folder} holds both {name} and {twin}, expected one folder of each number")
    return {number: folder / name for number, name in found}


def _numbered(folder: Path) -> list[tuple[int, str]]:
    """Number and name of every folder of a video, in rising order; none if there is no such folder."""
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        matches = ((entry, _VIDEO.fullmatch(entry.name)) for entry in entries)
        return sorted((int(match[1]), entry.name) for entry, match in matches if match and entry.is_dir())
