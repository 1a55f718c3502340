"""Messages on stderr: `-v` shows more, `-q` only warnings and errors."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

from maskreel.common.cli._plain import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

LEVELS = {"-v": logging.DEBUG, "--verbose": logging.DEBUG, "-q": logging.WARNING, "--quiet": logging.WARNING}


def take_verbosity(argv: Sequence[str]) -> tuple[list[str], int]:
    """Split `argv` into the arguments without `-v` and `-q`, which count anywhere before `--`, and the log level."""
    arguments = list(argv)
    end = arguments.index("--") if "--" in arguments else len(arguments)
    chosen = [LEVELS[argument] for argument in arguments[:end] if argument in LEVELS]
    kept = [argument for argument in arguments[:end] if argument not in LEVELS]
    return kept + arguments[end:], chosen[-1] if chosen else logging.INFO


def set_up_logging(level: int) -> None:
    """Send what maskreel logs at `level` or above to stderr; calling it again replaces the level."""
    logger = logging.getLogger("maskreel")
    logger.setLevel(level)
    if not any(isinstance(handler, _StderrHandler) for handler in logger.handlers):
        logger.addHandler(_StderrHandler())


class _StderrHandler(logging.Handler):
    """Writes to the present `sys.stderr`, above a progress bar if there is one."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self._prefix(record) + plain(self.format(record), keep="\n\t")
            tqdm = sys.modules.get("tqdm")
            if tqdm is None:
                sys.stderr.write(line + "\n")
            else:
                tqdm.tqdm.write(line, file=sys.stderr)
        except Exception:
            self.handleError(record)

    @staticmethod
    def _prefix(record: logging.LogRecord) -> str:
        if record.levelno >= logging.WARNING:
            return f"maskreel: {record.levelname.lower()}: "
        return "" if record.levelno >= logging.INFO else f"{record.name}: "
