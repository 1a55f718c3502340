"""What is written after --preview."""

from __future__ import annotations

import re

from maskreel.common.errors import InputError

__all__ = ["preview_seconds"]


def preview_seconds(text: str | None) -> float | None:
    """`5s`, `2.5 s` or `5` as seconds; None for None.

    Raises:
        InputError: it is none of these, or 0.
    """
    if text is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*s?", text)
    if match is None or float(match[1]) == 0:
        raise InputError(f"--preview {text}: write a number of seconds above 0, for example 5s")
    return float(match[1])
