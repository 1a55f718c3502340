"""Progress on stderr for the command line: a bar on a terminal, now and then a line elsewhere."""

from __future__ import annotations

import logging
import os
import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

from maskreel.common.cli._plain import plain

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tqdm import tqdm

__all__ = ["ProgressLine", "progress", "read_progress"]

SECONDS_BETWEEN_LINES = 5.0
SECONDS_VARIABLE = "MASKREEL_PROGRESS_SECONDS"
"""Environment variable for who reads the lines as they come and wants them more often, or less."""

_LINE = re.compile(r"(.+?)\s*:\s+\d+% ([\d.]+)/([\d.]+) (.+), .+, (\S+) left")


def progress(
    iterable: Iterable[Any] | None = None, *, description: str, total: int | None = None, unit: str = "frames"
) -> tqdm:
    """Wrap `iterable`, or count by hand: `with progress(description="fill", total=90) as bar: bar.update(4)`.

    Shows what is done, the rate and the time left. Silent unless the command line has set up messages (a library
    caller sees nothing), and with `--quiet`.
    """
    from tqdm import tqdm

    counted = total is not None or hasattr(iterable, "__len__")
    on_terminal = sys.stderr.isatty()
    return tqdm(
        iterable,
        desc=plain(description),
        total=total,
        unit=f" {unit}",
        disable=not logging.getLogger("maskreel").isEnabledFor(logging.INFO),
        file=sys.stderr if on_terminal else _Lines(sys.stderr),
        mininterval=0.1 if on_terminal else _seconds_between_lines(),
        dynamic_ncols=on_terminal,
        bar_format=_format(counted=counted, bar=on_terminal),
    )


def _format(*, counted: bool, bar: bool) -> str:
    if not counted:
        return "{desc}: {n_fmt}{unit} in {elapsed}, {rate_fmt}"
    middle = " |{bar}| " if bar else " "
    return "{desc}: {percentage:3.0f}%" + middle + "{n_fmt}/{total_fmt}{unit}, {rate_fmt}, {remaining} left"


@dataclass(frozen=True)
class ProgressLine:
    """What one line of `progress` tells, when its total is known."""

    description: str
    done: float
    total: float
    unit: str
    left: str
    """Time left, as 00:12; ? where it is not known yet."""


def read_progress(line: str) -> ProgressLine | None:
    """Read a line that `progress` wrote where there is no terminal; None for any other line."""
    match = _LINE.fullmatch(line.strip())
    if match is None:
        return None
    description, done, total, unit, left = match.groups()
    return ProgressLine(description, float(done), float(total), unit, left)


def _seconds_between_lines() -> float:
    try:
        return float(os.environ[SECONDS_VARIABLE])
    except (KeyError, ValueError):
        return SECONDS_BETWEEN_LINES


class _Lines:
    """A stream on which every redraw of a bar becomes a line of its own."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        if line := text.strip():
            self._stream.write(line + "\n")

    def flush(self) -> None:
        self._stream.flush()
