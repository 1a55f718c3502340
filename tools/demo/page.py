"""The page: what each part was given, what it made of it, and what that is worth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maskreel.common.show import Page

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from demo.story import Story

__all__ = ["minutes", "write_page"]

ABOUT = """Masks in, video out. Four systems turn masks into video or video into masks; each is a small Python package
and one command. Everything below was made on this machine by the commands that are shown, with the small networks that
come with the packages, and the figures were measured in the same run. Rendered input comes from maskreel's own world,
whose truth is known exactly."""


def write_page(path: Path, stories: Mapping[str, Story], *, machine: str) -> None:
    """Write the page for the parts in the folders beside it.

    Args:
        path: of the page.
        stories: by the part's name, which is its folder's.
        machine: what it was made on, in words.
    """
    page = Page("maskreel: masks in, video out")
    page.text(" ".join(ABOUT.split()))
    rows = [[story.title, story.summary, minutes(story.seconds[0])] for story in stories.values()]
    page.table(rows, header=["part", "measured in this run", "took"])
    page.text(machine)
    for name, story in stories.items():
        _tell(page, story, path.parent / name)
    page.save(path)


def _tell(page: Page, story: Story, folder: Path) -> None:
    page.heading(story.title)
    page.text(story.sentence)
    page.code("\n".join(story.commands))
    for row in story.rows:
        if row.heading:
            page.heading(row.heading, level=3)
        page.media_row([folder / name for name in row.files], list(row.files.values()))
    page.heading("What it is worth", level=3)
    for figures in story.figures:
        page.table(figures.rows, header=figures.header)
        page.text(figures.about)
    page.text(story.remark)
    page.links({text: folder / name for name, text in story.links.items()})


def minutes(seconds: float) -> str:
    """In words that stay on one line."""
    whole, rest = divmod(round(seconds), 60)
    words = f"{whole} min {rest:02d} s" if whole else f"{rest} s"
    return words.replace(" ", "\N{NO-BREAK SPACE}")
