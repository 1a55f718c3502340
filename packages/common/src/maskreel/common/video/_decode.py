"""Decoded frames of a file from any frame on, each the one that its packet announced."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING, Literal

import av.error

from maskreel.common.errors import InputError
from maskreel.common.limits import MAX_PIXELS
from maskreel.common.video._open import open_video

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from av import VideoFrame
    from av.container import InputContainer

    from maskreel.common.video._timing import Timing


def decode(path: Path, timing: Timing, start: int, stop: int | None) -> Iterator[VideoFrame]:
    """The frames `start` to `stop`; InputError names the frame at which a damaged file breaks.

    Decoding begins at the last key frame before `start`. Containers seek by other clocks than the one of display and
    land early or late, and some "key" frames need a few frames to recover. So a landing counts only if the key frame
    itself comes out; else an earlier key frame is tried, at last the beginning of the file.
    """
    if timing.pts is None:
        yield from _by_count(path, timing, start, stop)
        return
    wanted = timing.pts[start:stop]
    for key in _landings(timing.keys, wanted[0]) if wanted else ():
        with open_video(path) as (container, stream):
            stream.thread_type = _threads(container)
            if key is not None:
                container.seek(key, stream=stream)
            decoded: Iterator[VideoFrame] = container.decode(stream)
            landed = None if key is None else _find(decoded, key)
            if key is None or landed is not None:
                yield from _announced(chain([landed] if landed else [], decoded), path, timing, start, stop)
                return


def _threads(container: InputContainer) -> Literal["SLICE", "AUTO"]:
    """Frame threads, where the length of the file tells that it is whole.

    A transport stream does not say how long it should be: only the flag of its last frame tells that it was cut off,
    and now and then that flag is set after another thread has handed out the frame.
    """
    return "SLICE" if container.format.name == "mpegts" else "AUTO"


def _by_count(path: Path, timing: Timing, start: int, stop: int | None) -> Iterator[VideoFrame]:
    """For files without timestamps: from the beginning, counting."""
    with open_video(path) as (container, stream):
        stream.thread_type = _threads(container)
        decoded: Iterator[VideoFrame] = container.decode(stream)
        index = 0
        while stop is None or index < stop:
            with naming_frame(path, index):
                frame = next(decoded, None)
                if frame is None:
                    return
                _check_intact(frame, index, timing)
            if index >= start:
                yield frame
            index += 1


def _landings(keys: tuple[int, ...], tick: int) -> Iterator[int | None]:
    """Key frames to begin at, from the last one not after `tick` back in growing strides; None is the beginning."""
    earlier = [key for key in keys if key <= tick]
    back = 1
    while back < len(earlier):
        yield earlier[-back]
        back *= 2
    yield None


def _find(decoded: Iterable[VideoFrame], tick: int) -> VideoFrame | None:
    try:
        frame = next((f for f in decoded if f.pts is None or f.pts >= tick), None)
    except av.error.FFmpegError:
        return None
    return frame if frame is not None and frame.pts == tick and not frame.is_corrupt else None


def _announced(
    decoded: Iterator[VideoFrame], path: Path, timing: Timing, start: int, stop: int | None
) -> Iterator[VideoFrame]:
    assert timing.pts is not None, "without them, frames are counted"
    for index, tick in enumerate(timing.pts[start:stop], start):
        with naming_frame(path, index):
            frame = next((f for f in decoded if f.pts is None or f.pts >= tick), None)
            if frame is None or frame.pts != tick:
                raise _DamageError("it cannot be decoded")
            _check_intact(frame, index, timing)
        yield frame


class _DamageError(Exception):
    """A frame is not as its packet announced it."""


def _check_intact(frame: VideoFrame, index: int, timing: Timing) -> None:
    if frame.is_corrupt or index in timing.damaged:
        raise _DamageError("its data are corrupt")


@contextmanager
def naming_frame(path: Path, index: int) -> Iterator[None]:
    """Turn what the decoder raises into an InputError that names the frame."""
    try:
        yield
    except (av.error.FFmpegError, _DamageError) as error:
        reason = error if isinstance(error, _DamageError) else error.strerror
        if isinstance(error, av.error.ArgumentError):  # what decoders say of sizes, among other things
            reason = f"its data are corrupt, or it has more than {MAX_PIXELS / 1e6:.0f} million pixels"
        raise InputError(
            f"{path} is damaged at frame {index}: {reason}; give a whole file, or stop before that frame"
        ) from error
