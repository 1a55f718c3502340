"""Which codecs and streams a file can hold, told by its suffix."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import av

from maskreel.common.errors import InputError
from maskreel.common.video._copy import StreamCopier
from maskreel.common.video._open import open_video

if TYPE_CHECKING:
    import os

Codec = Literal["h264", "ffv1", "gif"]

_CODECS: dict[str, tuple[Codec, ...]] = {
    ".mp4": ("h264",),
    ".m4v": ("h264",),
    ".mov": ("h264",),
    ".mkv": ("h264", "ffv1"),
    ".gif": ("gif",),
}
_FORMATS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".gif": "gif"}


def check_target(
    path: str | os.PathLike[str],
    *,
    codec: Codec | None = None,
    copy_streams_from: str | os.PathLike[str] | None = None,
) -> Codec:
    """The codec for writing to `path`, by default the first that its suffix allows.

    A long job calls this before it begins.

    Raises:
        InputError: the suffix is unknown, cannot hold the codec, or cannot hold an audio or subtitle stream of
            `copy_streams_from`.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in _CODECS:
        raise InputError(f"{path} does not end in a video format; use .mp4, .mov, .mkv or .gif")
    if codec is not None and codec not in _CODECS[suffix]:
        holding = " or ".join(s for s, codecs in _CODECS.items() if codec in codecs) or "no known suffix"
        raise InputError(f"{path} cannot hold {codec}; use {holding}")
    if copy_streams_from is not None:
        check_copied_streams(path, Path(copy_streams_from), _FORMATS[suffix])
    return codec or _CODECS[suffix][0]


def check_copied_streams(path: Path, source: Path, form: str) -> None:
    """Raise InputError unless a file like `path`, of FFmpeg's format `form`, can hold what is copied from `source`."""
    with open_video(source):  # says what is wrong with the source
        pass
    with av.open(io.BytesIO(), "w", format=form) as trial:
        StreamCopier(source, trial, path.suffix.lower()).close()
