"""What the pickles in a checkpoint ask for by name, found without unpickling anything."""

from __future__ import annotations

import io
import pickletools
import zipfile
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING

from maskreel.common.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["check_archive", "names_in_archive", "names_in_pickles"]

_PICKLES_BEFORE_VALUES = 5
"""In files of PyTorch before 1.6: a number, a version, a machine, the content, and the names of what follows."""


def names_in_archive(path: Path) -> Iterator[str]:
    """The names that the pickles in a file of PyTorch since 1.6, a zip archive, ask for.

    Raises:
        InputError: As `check_archive` does.
    """
    with check_archive(path) as archive:
        for entry in archive.infolist():
            if entry.filename.endswith(".pkl"):
                yield from _names(io.BytesIO(_content(path, archive, entry)))


def names_in_pickles(path: Path) -> Iterator[str]:
    """The names that the pickles at the beginning of a file ask for; none if there are no pickles."""
    with path.open("rb") as stream:
        for _ in range(_PICKLES_BEFORE_VALUES):
            yield from _names(stream)


def check_archive(path: Path, *, packed: int = 0) -> zipfile.ZipFile:
    """Open the archive of a checkpoint or of TorchScript; PyTorch compresses nothing but the text of scripts.

    Args:
        path: The archive.
        packed: Bytes that compressed entries may come to together.

    Raises:
        InputError: It is damaged, compressed, or has names that lead out of it or stand twice.
    """
    try:
        archive = zipfile.ZipFile(path)
    except Exception as error:  # damage makes it fail in any way
        raise InputError(f"{path} is not a readable PyTorch checkpoint; it may be cut short: {error}") from error
    names: set[str] = set()
    for entry in archive.infolist():
        place = PurePosixPath(entry.filename.replace("\\", "/"))
        fault = None
        if entry.filename.casefold() in names:  # PyTorch, which takes a.PY for a.py, could read the other one
            fault = f"stands twice by the name {entry.filename!r}"
        names.add(entry.filename.casefold())
        if place.is_absolute() or ".." in place.parts:
            fault = f"leads out of it by the name {entry.filename!r}"
        elif entry.compress_type != zipfile.ZIP_STORED or entry.file_size > path.stat().st_size:
            packed -= entry.file_size
            if packed < 0:
                fault = f"is packed, {entry.file_size} bytes in {entry.compress_size}, more than PyTorch ever packs"
        if fault:
            archive.close()
            raise InputError(f"{path} is refused: an entry of the archive {fault}")
    return archive


def _content(path: Path, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    try:
        return archive.read(entry)
    except Exception as error:  # as above
        raise InputError(f"{path} is not a readable PyTorch checkpoint; it may be damaged: {error}") from error


def _names(stream: IO[bytes]) -> Iterator[str]:
    """Up to the first operation that makes no sense, where PyTorch stops as well."""
    try:
        for operation, argument, _ in pickletools.genops(stream):
            if operation.name in ("GLOBAL", "INST"):
                yield str(argument).replace(" ", ".", 1).replace("__builtin__.", "builtins.")
    except (ValueError, EOFError, LookupError, OverflowError, MemoryError):
        return
