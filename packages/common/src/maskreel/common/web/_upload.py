"""Files that come in: streamed to the disk in bounded memory and up to a bounded size, under names of our own."""

from __future__ import annotations

import errno
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException

from maskreel.common.atomic import atomic_path

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request

    from maskreel.common.web._describe import FileInput

_LONGEST_NAME = 120
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_SIZES = ((10**9, "GB"), (10**6, "MB"), (10**3, "kB"))


def shown_name(text: str, wanted: FileInput) -> str:
    """The name that somebody's file is called by on the page; never a path, never empty."""
    last = text.replace("\\", "/").rpartition("/")[2]
    clean = "".join(letter for letter in last if letter.isprintable()).strip(" .")
    return clean[-_LONGEST_NAME:] or wanted.key


def stored_name(name: str, wanted: FileInput) -> str:
    """The name of the file on the disk: that of the input, with the suffix of the file if it is a known one."""
    suffix = PurePosixPath(name).suffix.lower()
    return wanted.key + (suffix if suffix in wanted.suffixes else ".file")


async def receive(request: Request, target: Path, *, max_bytes: int) -> None:
    """Write the body of a request to `target`, which appears only when it is whole.

    Raises:
        HTTPException: It is larger than `max_bytes`, empty, or the disk is full.
    """
    promised = request.headers.get("content-length", "0")
    if promised.isdecimal() and int(promised) > max_bytes:
        raise too_large(max_bytes)
    try:
        with atomic_path(target) as scratch, scratch.open("wb") as file:
            written = 0
            async for chunk in request.stream():
                written += len(chunk)
                if written > max_bytes:
                    raise too_large(max_bytes)
                file.write(chunk)
            if not written:
                raise HTTPException(400, "The file is empty; give one that holds something.")
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise HTTPException(507, "The disk is full; free some space, or set TMPDIR to a folder with more.") from error


def too_large(max_bytes: int) -> HTTPException:
    """The refusal of a file; the page says the same before it sends one."""
    return HTTPException(413, f"The file is too large: at most {size_in_words(max_bytes)} (--max-size) are taken.")


def size_in_words(count: int) -> str:
    """Bytes as a person says them."""
    for unit, name in _SIZES:
        if count >= unit:
            return f"{count / unit:.3g} {name}"
    return f"{count} bytes"
