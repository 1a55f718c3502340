"""The one place that decides what a person sees when a command does not end well."""

from __future__ import annotations

import errno
import logging
import os
import sys
from typing import TYPE_CHECKING

from maskreel.common.cli._plain import plain
from maskreel.common.cli._signals import stoppable
from maskreel.common.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger(__name__)

OUTSIDE_CAUSES = frozenset(
    {
        errno.ENOENT,
        errno.EACCES,
        errno.EPERM,
        errno.EEXIST,
        errno.EISDIR,
        errno.ENOTDIR,
        errno.ENOTEMPTY,
        errno.ENAMETOOLONG,
        errno.ELOOP,
        errno.EROFS,
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EFBIG,
    }
)
"""What the file system may refuse although the program is right."""

BUG = "This is a bug in maskreel, not in your input: please report it with the lines above."


def exit_code(command: Callable[[], int | None]) -> int:
    """Run `command` and turn what a person can mend into one sentence and an exit code; bugs are raised."""
    try:
        with stoppable():
            return _finished(command())
    except KeyboardInterrupt as stop:
        sys.stderr.write("\nmaskreel: stopped; run the same command again to go on\n")
        return getattr(stop, "code", 130)
    except BrokenPipeError:  # `maskreel ... | head`: nobody reads on, so nothing may be written at exit either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (InputError, MissingExtraError) as error:
        return _refuse(str(error))
    except OSError as error:
        if error.errno not in OUTSIDE_CAUSES:
            error.add_note(BUG)
            raise
        return _refuse(_sentence(error))
    except Exception as error:
        error.add_note(BUG)
        raise


def _finished(code: int | None) -> int:
    sys.stdout.flush()  # here, where a failure can be handled, and not when the interpreter exits
    return code or 0


def _refuse(sentence: str) -> int:
    logger.debug("where it happened:", exc_info=True)
    sys.stderr.write(f"maskreel: error: {plain(sentence)}\n")
    return 2


def _sentence(error: OSError) -> str:
    reason = (error.strerror or str(error)).lower()
    return reason if error.filename is None else f"{error.filename}: {reason}"
