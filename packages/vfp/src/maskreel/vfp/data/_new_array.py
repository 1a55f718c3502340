"""A new array on disk that is written bit by bit."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["new_array"]


def new_array(path: Path, dtype: np.dtype | type, shape: tuple[int, ...]) -> np.memmap:
    """An array of zeros in the .npy file `path`; what is put into it is there although the process be killed.

    The disk is asked for all of the room now. Else the file has holes, and a page of it that finds a full disk later
    ends the process without a word (SIGBUS).

    Raises:
        OSError: The disk is full; then there is no file.
    """
    array = np.lib.format.open_memmap(path, "w+", dtype, shape)
    try:
        if hasattr(os, "posix_fallocate"):  # neither on Windows nor on macOS
            with path.open("r+b") as file:
                os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    except OSError as error:
        if error.errno in (errno.EOPNOTSUPP, errno.EINVAL):  # a file system that cannot
            return array
        path.unlink()
        raise OSError(error.errno, os.strerror(error.errno or 0), str(path)) from None
    return array
