"""Text that a terminal shows and does not obey: names of files and words in them may hold anything."""

from __future__ import annotations

import unicodedata

__all__ = ["plain"]

_OBEYED = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""By their Unicode categories: control characters, such as the escape before colours and titles, marks that turn the
direction of writing, halves of characters, and breaks of lines."""
_WELCOME = {"\u200c", "\u200d", "\u00ad"}
"""Joiners and hyphens inside words."""


def plain(text: str, *, keep: str = "") -> str:
    """The text with every character that a terminal may obey written as in Python, such as \\x1b; `keep` stays."""
    return "".join(
        repr(c)[1:-1] if unicodedata.category(c) in _OBEYED and c not in keep and c not in _WELCOME else c for c in text
    )
