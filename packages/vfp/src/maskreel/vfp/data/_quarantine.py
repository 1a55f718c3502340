"""A list of videos to leave out: plain text that a person can edit."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from maskreel.common.atomic import atomic_path
from maskreel.common.errors import InputError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    from maskreel.vfp.data._inspection import Finding

_ENTRY = re.compile(r"(train|val|unlabeled|hidden)/video_(\d+)")
_HEAD = """\
# Videos to leave out, one a line, written by maskreel vfp check-data. What follows # is the reason. Edit as you like.
# Videos with faults are left out. Suspicious ones are not, as long as a # stands before their name.
"""


@dataclass(frozen=True)
class Quarantine:
    """Videos to leave out, by split and number, so that padded and unpadded names are the same."""

    videos: frozenset[tuple[str, int]]
    path: Path | None = None
    """The file that they were read from."""

    def numbers(self, split: str) -> frozenset[int]:
        """Numbers of the videos of one split."""
        return frozenset(number for place, number in self.videos if place == split)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Self:
        """Read a list: lines such as val/video_7; whatever follows # is a comment.

        Raises:
            InputError: There is no such file, or a line is something else.
        """
        try:
            lines = Path(path).read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            raise InputError(f"{path} does not exist; maskreel vfp check-data --quarantine writes it") from None
        except UnicodeDecodeError:
            raise InputError(f"{path} is not a text file; expected lines such as val/video_7") from None
        entries = ((place, line.partition("#")[0].strip()) for place, line in enumerate(lines, 1))
        return cls(frozenset(_entry(path, place, text) for place, text in entries if text), Path(path))


def write_quarantine(path: str | os.PathLike[str], findings: Iterable[Finding]) -> None:
    """Write the list for `Quarantine.read`: faults take effect, suspicions wait for a person."""
    videos: dict[str, list[Finding]] = {}
    for finding in findings:
        videos.setdefault(f"{finding.split}/{finding.video}", []).append(finding)
    lines = [_line(name, found) for name, found in videos.items()]
    with atomic_path(path) as scratch:
        scratch.write_text(_HEAD + "".join(lines), encoding="utf-8")


def _line(name: str, findings: list[Finding]) -> str:
    reasons = "; ".join(f"{finding.kind}: {finding.message}" for finding in findings)
    mark = "" if any(finding.is_fault for finding in findings) else "# "
    return f"{mark}{name}  # {' '.join(reasons.split())}\n"


def _entry(path: str | os.PathLike[str], line: int, text: str) -> tuple[str, int]:
    match = _ENTRY.fullmatch(text)
    if match is None:
        raise InputError(f"{path} line {line} is {text!r}, expected a split and a video such as val/video_7")
    return match[1], int(match[2])
