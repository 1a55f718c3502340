"""The two errors that a person, not a programmer, is expected to read."""

from __future__ import annotations

import importlib.util


class InputError(ValueError):
    """Bad input from outside: a broken file, a folder with a gap, an option that does not fit.

    The message is one sentence that names the file or option, the fault and what is allowed. The command line prints
    it without a traceback and exits with code 2.
    """


class MissingExtraError(ImportError):
    """An optional library is not installed; the message names the extra that brings it."""

    def __init__(self, library: str, extra: str) -> None:
        super().__init__(f"{library} is not installed; run: python -m pip install '{extra}'")


def require_extra(extra: str, *libraries: str) -> None:
    """Before the work, not in the middle of it: are optional libraries there? None is imported.

    Args:
        extra: What brings them, such as maskreel-vfp[train].
        libraries: By the names under which they are imported.

    Raises:
        MissingExtraError: One is not installed.
    """
    for library in libraries:
        if importlib.util.find_spec(library) is None:
            raise MissingExtraError(library, extra)
