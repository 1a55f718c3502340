"""One writer at a time in a folder."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from maskreel.common.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def only_writer(root: Path) -> Iterator[None]:
    """Keep a second run out of a folder, which is made; the lock ends with this process, however that ends.

    Raises:
        InputError: Another process holds the folder.
    """
    root.mkdir(parents=True, exist_ok=True)
    try:
        import fcntl
    except ImportError:  # Windows has no such lock; there, two runs into one folder are the user's risk
        yield
        return
    handle = os.open(root, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise InputError(f"{root}: another run is writing to this folder; wait for it") from None
    try:
        yield
    finally:
        os.close(handle)
