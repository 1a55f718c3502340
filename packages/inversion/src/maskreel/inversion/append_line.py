"""Logs that grow line by line."""

from __future__ import annotations

import os

__all__ = ["append_line"]


def append_line(path: str | os.PathLike[str], line: str) -> None:
    """Add a line to a file, which is made if it is not there, but never through a link to somewhere else.

    Raises:
        OSError: The file is a link, or cannot be written.
    """
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    with os.fdopen(os.open(path, flags, 0o666), "a") as file:
        file.write(line + "\n")
