"""Where a job writes: a folder, or a small disk of its own that can become full."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["can_mount", "disk", "grow", "obey_permissions", "scatter_times", "set_writable", "size_of"]

CAPABILITIES_VERSION = 0x20080522
OVERRIDES = 0b1110
"""CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH and CAP_FOWNER: what lets root write where the owner may not."""
YEAR = 365 * 86400


def can_mount() -> bool:
    """Whether this process may mount a disk."""
    return os.geteuid() == 0 and shutil.which("mount") is not None


@contextmanager
def disk(folder: Path, kilobytes: int) -> Iterator[None]:
    """Mount a file system in memory with so much room on `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def grow(folder: Path, kilobytes: int) -> None:
    """Give a disk another size."""
    subprocess.run(["mount", "-o", f"remount,size={kilobytes}k", str(folder)], check=True)


def size_of(folder: Path) -> int:
    """Kilobytes of the files in a folder, each in pages of 4."""
    return sum(4 * -(-path.stat().st_size // 4096) for path in folder.rglob("*") if path.is_file())


def obey_permissions() -> None:
    """Let this process, of root, be refused like any other (Linux)."""
    libc, header = ctypes.CDLL(None, use_errno=True), (ctypes.c_uint32 * 2)(CAPABILITIES_VERSION, 0)
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable; low words, then high words
    if libc.capget(header, sets) != 0:
        raise OSError(ctypes.get_errno(), "capget")
    sets[0] &= ~OVERRIDES
    sets[1] &= ~OVERRIDES
    if libc.capset(header, sets) != 0:
        raise OSError(ctypes.get_errno(), "capset")


def set_writable(folder: Path, writable: bool) -> None:
    """Take from all folders in `folder` the right to make files in them, or give it back."""
    for path in [folder, *(path for path in folder.rglob("*") if path.is_dir())]:
        try:
            path.chmod(0o777 if writable else 0o555)
        except FileNotFoundError:  # scratch, gone meanwhile
            continue


def scatter_times(folder: Path, draw: random.Random) -> None:
    """Give every file and folder a time between 1971 and 2100, as after jumps of the clock."""
    for path in folder.rglob("*"):
        when = draw.uniform(YEAR, 130 * YEAR)
        os.utime(path, (when, when))
