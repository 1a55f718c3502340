"""Which files can hold transparency, told by their suffix."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from maskreel.common.errors import InputError

if TYPE_CHECKING:
    import os

__all__ = ["Form", "check_alpha_target"]

Form = Literal["prores", "vp9", "folder"]

_FORMS: dict[str, Form] = {".mov": "prores", ".webm": "vp9", "": "folder"}


def check_alpha_target(
    path: str | os.PathLike[str], *, copy_streams_from: str | os.PathLike[str] | None = None
) -> Form:
    """What is written to `path`: "prores" for .mov, "vp9" for .webm, a "folder" for a name without suffix.

    A long job calls this before it begins.

    Raises:
        InputError: the suffix is another, the folder is not empty, or an audio or subtitle stream of
            `copy_streams_from` does not fit into the file.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in _FORMS:
        raise InputError(
            f"{path} cannot hold transparency; use .mov (ProRes 4444), .webm (VP9) or a folder of PNG images"
        )
    if _FORMS[suffix] == "folder":
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise InputError(f"{path} exists already; name a new or empty folder for the images")
    elif copy_streams_from is not None:
        _check_streams(path, suffix, Path(copy_streams_from))
    return _FORMS[suffix]


def _check_streams(path: Path, suffix: str, source: Path) -> None:
    from maskreel.common.video import probe
    from maskreel.common.video.encoding import check_copied_streams

    probe(source)  # says what is wrong with the source
    try:
        check_copied_streams(path, source, suffix[1:])
    except InputError as error:
        other = ".mov" if suffix == ".webm" else "a folder of PNG images"
        raise InputError(f"{path} cannot hold the sound or subtitles of {source}; use {other}") from error
