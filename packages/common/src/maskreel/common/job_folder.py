"""What all folders of unfinished work need: one process at a time, and telling whether an input is still the same."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from maskreel.common.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["identify", "locked"]

_SAMPLE_BYTES = 1 << 20


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a job folder, which is made, for this process, by a file `lock` in it; a killed process holds nothing.

    Raises:
        InputError: Another process works in it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        import fcntl
    except ImportError:  # Windows has no such lock; there, two runs of one job are the user's risk
        yield
        return
    with (folder / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InputError(f"{folder}: another run is at work in this job folder; wait for it") from None
        yield


def identify(path: Path) -> dict[str, Any]:
    """What tells one source from another without reading hours of video.

    A file by its size and a hash of its first and last megabyte, a folder by the names, sizes and times of its files.

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
        digest.update(stream.read(_SAMPLE_BYTES))
        stream.seek(max(0, size - _SAMPLE_BYTES))
        digest.update(stream.read(_SAMPLE_BYTES))
    return {"name": path.name, "bytes": size, "sha256": digest.hexdigest()}
