"""Plain-text pieces of help pages: aligned lists and suggestions for misspelt names."""

from __future__ import annotations

import difflib
import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH = 80


def listing(rows: Sequence[tuple[str, str]]) -> str:
    """Names in a left column, texts wrapped beside them."""
    column = max(len(name) for name, _ in rows) + 4
    blocks = [
        textwrap.fill(text, WIDTH, initial_indent=f"  {name}".ljust(column), subsequent_indent=" " * column)
        or f"  {name}"
        for name, text in rows
    ]
    return "\n".join(blocks)


def closest(name: str, known: Sequence[str]) -> str:
    """The end of an error sentence: a likely spelling, else all that is known."""
    matches = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean '{matches[0]}'?" if matches else f"; it has: {', '.join(dict.fromkeys(known))}"
