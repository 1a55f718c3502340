"""Files that appear under their name only when they are whole."""

from __future__ import annotations

import glob
import json
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["atomic_folder", "atomic_path", "remove_scratch", "write_json"]

_PROBE_BYTES = 1 << 20


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a scratch path beside `path`; move it to `path` if the block succeeds, delete it if it fails.

    The scratch name keeps the suffix, because muxers choose the format by it. Missing parent folders are made.

    Raises:
        OSError: The disk is full, also where the library that writes says so in another way.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.stem}.", suffix=f".part{target.suffix}", dir=target.parent)
    os.close(handle)
    scratch = Path(name)
    try:
        yield scratch
        scratch.chmod(0o666 & ~_umask())  # mkstemp makes private files; a result should look like any other file
        scratch.replace(target)
    except Exception as error:
        if not (isinstance(error, OSError) and error.errno):  # NumPy's, for one, only tells how many bytes it wrote
            _refuse_full_disk(scratch)
        raise
    finally:
        scratch.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield an empty folder beside `path`; it gets that name if the block succeeds, and goes if it fails.

    A folder that has the name already must be empty, or OSError is raised. Missing parent folders are made.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent))
    try:
        yield scratch
        if path.exists():
            path.rmdir()
        scratch.chmod(0o777 & ~_umask())  # mkdtemp makes private folders
        scratch.rename(path)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def remove_scratch(folder: Path, *, stem: str = "*") -> None:
    """Delete what killed processes were writing in a folder; for the one that holds it (`job_folder.locked`).

    Args:
        folder: where.
        stem: of the one file that is held, if it is not all of the folder.
    """
    name = stem if stem == "*" else glob.escape(stem)
    for scratch in folder.glob(f".{name}.????????.part*"):
        if scratch.is_dir() and not scratch.is_symlink():
            shutil.rmtree(scratch)
        else:
            scratch.unlink()


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Write `value` as indented JSON, atomically."""
    with atomic_path(path) as scratch:
        scratch.write_text(json.dumps(value, indent=2) + "\n")


def _refuse_full_disk(scratch: Path) -> None:
    """Write a little more: torch.save and others tell of a full disk as if it were a bug."""
    with scratch.open("ab") as file:
        file.write(bytes(_PROBE_BYTES))


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
