"""Telling files of weights apart in few words."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from maskreel.common.job_folder import identify

if TYPE_CHECKING:
    import os

__all__ = ["short_identity"]


def short_identity(path: str | os.PathLike[str]) -> str:
    """`NAME 01234567`: a file's name and the first 8 digits of the hash by `identify`.

    It stands in the `repr` of what works with the file, and so tells whether what was made with it still holds.

    Raises:
        InputError: There is no such file.
    """
    path = Path(path)
    return f"{path.name} {identify(path)['sha256'][:8]}"
