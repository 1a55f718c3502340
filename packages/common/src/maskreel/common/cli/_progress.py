"""Progress on stderr for the command line: a bar on a terminal, now and then a line elsewhere."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tqdm import tqdm

__all__ = ["progress"]

SECONDS_BETWEEN_LINES = 5.0


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
        desc=description,
        total=total,
        unit=f" {unit}",
        disable=not logging.getLogger("maskreel").isEnabledFor(logging.INFO),
        file=sys.stderr if on_terminal else _Lines(sys.stderr),
        mininterval=0.1 if on_terminal else SECONDS_BETWEEN_LINES,
        dynamic_ncols=on_terminal,
        bar_format=_format(counted=counted, bar=on_terminal),
    )


def _format(*, counted: bool, bar: bool) -> str:
    if not counted:
        return "{desc}: {n_fmt}{unit} in {elapsed}, {rate_fmt}"
    middle = " |{bar}| " if bar else " "
    return "{desc}: {percentage:3.0f}%" + middle + "{n_fmt}/{total_fmt}{unit}, {rate_fmt}, {remaining} left"


class _Lines:
    """A stream on which every redraw of a bar becomes a line of its own."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        if line := text.strip():
            self._stream.write(line + "\n")

    def flush(self) -> None:
        self._stream.flush()
