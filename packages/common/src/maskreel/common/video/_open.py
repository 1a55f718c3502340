"""Opening a video file, with one sentence for everything that can be wrong with it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import av
import av.error
from av.stream import Disposition

from maskreel.common.errors import InputError
from maskreel.common.video._cut import promised_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from av.container import InputContainer
    from av.video.stream import VideoStream


@contextmanager
def open_video(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open a video file and its main video stream; InputError says what is wrong with the file."""
    _check_file(path)
    try:
        container = av.open(str(path.absolute()))  # absolute, so that "a:b.mp4" does not name a protocol
    except av.error.FFmpegError as error:
        raise InputError(_why_unreadable(path)) from error
    with container:
        yield container, _video_stream(container, path)


def _check_file(path: Path) -> None:
    if not path.exists():
        raise InputError(f"{path} does not exist; give a video file or a folder of images")
    if not path.is_file():
        raise InputError(f"{path} is not a regular file; give a video file or a folder of images")
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty (0 bytes); give a video file")


def _why_unreadable(path: Path) -> str:
    actual, promised = path.stat().st_size, promised_bytes(path)
    if promised is not None and promised > actual:
        return f"{path} is cut off: only {actual} of its {promised} bytes are there; copy or download it again"
    return f"{path} is not a video that FFmpeg can read; give a file such as .mp4, .mkv or .avi"


def _video_stream(container: InputContainer, path: Path) -> VideoStream:
    name = container.format.name
    if name == "tty":  # FFmpeg plays any text file as the screen of an old terminal
        raise InputError(f"{path} is a text file, not a video; give a file such as .mp4, .mkv or .avi")
    if name == "image2" or name.endswith("_pipe"):
        raise InputError(f"{path} is a single image, not a video; give the folder that holds the images")
    for stream in container.streams.video:
        is_cover = stream.disposition & Disposition.attached_pic  # of a song
        if not is_cover and stream.codec_context is not None:
            return stream
    held = "sound but no video" if container.streams.audio else "no video that FFmpeg can decode"
    raise InputError(f"{path} holds {held}; give a file with a video stream")
