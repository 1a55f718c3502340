"""What all folders of unfinished work need: one process at a time, and telling whether an input is still the same."""

from __future__ import annotations

import hashlib
import logging
import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from maskreel.common.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["identify", "locked"]

logger = logging.getLogger(__name__)

_END_BYTES = 1 << 20
_PLACES, _PLACE_BYTES = 16, 1 << 16

_held: set[int] = set()
"""Descriptors of the locks of this process."""


@contextmanager
def locked(folder: Path, *, name: str = ".lock", told: Path | None = None, wait: bool = False) -> Iterator[None]:
    """Hold a folder, which is made, for this process, by a hidden file in it that goes again at the end.

    A killed process holds nothing, and neither do processes that it has started. On file systems without locks, and on
    Windows, two runs in one folder are the user's risk.

    Args:
        folder: of a job, a training, a data set; it goes again, too, if it was made here and stays empty.
        name: of the file; another one holds something else in the folder than all of it.
        told: what the error is about, if not the folder.
        wait: for another process to be done, in place of the error.

    Raises:
        InputError: Another process works in it.
    """
    made = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        import fcntl  # noqa: F401
    except ImportError:
        yield
        return
    handle = _lock(folder / name, told or folder, wait=wait)
    _held.add(handle)
    owner = os.getpid()
    try:
        yield
    finally:
        if os.getpid() == owner:  # a forked child has closed it, and the lock is not its own to take away
            if _is_there(folder / name, handle):  # all may be gone, and even be there again with the lock of another
                (folder / name).unlink()
            if made:
                with suppress(OSError):
                    folder.rmdir()
            _held.discard(handle)
            os.close(handle)


def _lock(file: Path, told: Path, *, wait: bool) -> int:
    """An open descriptor of the lock, held where the file system can."""
    while True:
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        except FileNotFoundError:  # the other run has just taken its folder away
            continue
        try:
            _take(handle, told, wait=wait)
        except BaseException:
            os.close(handle)
            raise
        if _is_there(file, handle):
            return handle
        os.close(handle)  # its holder has just removed it: a lock on it keeps nobody out


def _take(handle: int, told: Path, *, wait: bool) -> None:
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):  # what the system says of a lock that is held
        if not wait:
            raise InputError(f"{told}: another run is at work here; wait for it") from None
        logger.info("waiting for another process, which is at work in %s", told)
        fcntl.flock(handle, fcntl.LOCK_EX)
    except OSError as error:
        logger.debug("%s cannot be locked: %s", told, error)


def _is_there(file: Path, handle: int) -> bool:
    try:
        return os.path.samestat(file.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False


def _let_go() -> None:
    """In a forked child: else the worker of a killed process would hold its lock until it ends, too."""
    for handle in _held:
        os.close(handle)
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)


def identify(path: Path) -> dict[str, Any]:
    """What tells one source from another without reading hours of video.

    A file by its size and a hash of its first and last megabyte and of 64 kB at sixteen places spread evenly between:
    all of a file of up to 3 MB. In a longer one, another encoding or cut is noticed, and so is any edit that changes
    the size or moves what follows; bytes that are replaced in place go unnoticed where they lie between the samples.
    Times count for nothing, so a copy is the same file. A folder by the names, sizes and times of its files.

    Raises:
        InputError: There is neither.
    """
    if not path.exists():
        raise InputError(f"{path}: there is no such file or folder")
    digest = hashlib.sha256()
    if path.is_dir():
        for file in sorted(p for p in path.iterdir() if p.is_file()):
            digest.update(f"{file.name} {file.stat().st_size} {file.stat().st_mtime_ns}\n".encode())
        return {"name": path.name, "sha256": digest.hexdigest()}
    size = path.stat().st_size
    with path.open("rb") as stream:
        for start, count in _samples(size):
            stream.seek(start)
            digest.update(stream.read(count))
    return {"name": path.name, "bytes": size, "sha256": digest.hexdigest()}


def _samples(size: int) -> list[tuple[int, int]]:
    """Where to read, and how much."""
    between = size - 2 * _END_BYTES
    if between <= _PLACES * _PLACE_BYTES:
        return [(0, size)]
    step = (between - _PLACE_BYTES) // (_PLACES - 1)
    places = [(_END_BYTES + number * step, _PLACE_BYTES) for number in range(_PLACES)]
    return [(0, _END_BYTES), *places, (size - _END_BYTES, _END_BYTES)]
