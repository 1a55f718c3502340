"""What the page tells about one part: kept as JSON beside the part's films, so that a finished part stays finished."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from maskreel.common.atomic import write_json

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["FILE", "Figures", "Row", "Story", "load", "save"]

FILE = "story.json"


@dataclass(frozen=True)
class Row:
    """Films and pictures that stand beside each other."""

    files: dict[str, str]
    """What each shows, by its name in the part's folder."""
    heading: str = ""


@dataclass(frozen=True)
class Figures:
    """A table of what was measured; ours stands in the first row, baselines below."""

    header: list[str]
    rows: list[list[str | float | None]]
    about: str
    """What the figures mean, and of how much they are."""


@dataclass(frozen=True)
class Story:
    """One section of the page."""

    title: str
    sentence: str
    """What goes in and what comes out."""
    commands: list[str]
    """What a person types to get this."""
    rows: list[Row]
    figures: list[Figures]
    remark: str
    """What to know before believing it."""
    links: dict[str, str]
    """Reports, by their names in the part's folder."""
    seconds: tuple[float, float]
    """What all commands and pictures of this part took, by the clock and of processors."""
    summary: str
    """The main figure beside its baseline, in a few words."""


def save(story: Story, folder: Path) -> None:
    """Write it to `folder`."""
    write_json(folder / FILE, asdict(story))


def load(folder: Path) -> Story | None:
    """The story in `folder`, if the part is finished and all files that it shows are still there."""
    if not (folder / FILE).exists():
        return None
    words: dict[str, Any] = json.loads((folder / FILE).read_text(encoding="utf-8"))
    words["rows"] = [Row(**row) for row in words["rows"]]
    words["seconds"] = tuple(words["seconds"])
    words["figures"] = [Figures(**one) for one in words["figures"]]
    story = Story(**words)
    shown = [name for row in story.rows for name in row.files] + list(story.links)
    return story if all((folder / name).exists() for name in shown) else None
