"""`probe`, `read` and `iterate`: from a file or a folder of images to `Clip`s."""

from __future__ import annotations

from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from maskreel.common.video._clip import Clip
from maskreel.common.video._file import VideoFile
from maskreel.common.video._folder import ImageFolder

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator
    from fractions import Fraction

    from maskreel.common.video._info import VideoInfo


def probe(path: str | os.PathLike[str], *, fps: Fraction | None = None) -> VideoInfo:
    """What a video file or a folder of images holds.

    All packets of a file are read, but only its first frame is decoded: about a second per gigabyte, once per file
    and process. A folder of images counts as a video of `fps` frames per second, 25 if not given.

    Raises:
        InputError: the file or folder is missing, empty, cut off, damaged, or not a video; it says which frame.
        ValueError: `fps` is given for a file.
    """
    return _source(path, fps).info


def read(path: str | os.PathLike[str], *, start: int = 0, stop: int | None = None, fps: Fraction | None = None) -> Clip:
    """The frames `start` to `stop` of a video file or a folder of images, in memory.

    `fps` is for folders only, 25 if not given. Raises as `iterate` does.
    """
    source = _source(path, fps)
    start, stop = _span(source, start, stop)
    if stop is None:
        clips = list(_chunks(source, 64, 0, start, None))
        frames = np.concatenate([clip.numpy() for clip in clips]) if clips else _no_frames(source)
        return _clip(source, frames, start)
    whole = next(_chunks(source, max(stop - start, 1), 0, start, stop), None)
    return whole or _clip(source, _no_frames(source), start)


def iterate(
    path: str | os.PathLike[str],
    *,
    chunk: int = 32,
    overlap: int = 0,
    start: int = 0,
    stop: int | None = None,
    fps: Fraction | None = None,
) -> Iterator[Clip]:
    """Stream a video file or a folder of images as clips of `chunk` frames; the last one may be shorter.

    Consecutive clips share `overlap` frames. Only one clip is held here, so memory does not grow with the length of
    the video. Decoding begins near `start`, and its frames are the same as those of a reading from the beginning.
    Frames are upright; their colours follow the tags of the file (untagged: BT.709 from HD on, else BT.601).
    The file is closed when the iterator is exhausted, closed or dropped. `fps` is for folders only, 25 if not given.

    Raises:
        InputError: the file is missing, empty, cut off or not a video (at once), or a frame cannot be decoded (when
            its turn comes); it names the file and the frame.
        ValueError: an argument is out of range.
    """
    if not 0 <= overlap < chunk:
        raise ValueError(f"overlap must be at least 0 and less than chunk = {chunk}, got {overlap}")
    source = _source(path, fps)
    return _chunks(source, chunk, overlap, *_span(source, start, stop))


def _source(path: str | os.PathLike[str], fps: Fraction | None) -> VideoFile | ImageFolder:
    path = Path(path)
    if fps is not None and fps <= 0:
        raise ValueError(f"fps must be positive, got {fps}")
    if path.is_dir():
        return ImageFolder(path, fps)
    if fps is not None:
        raise ValueError(f"fps is only for folders of images, got fps={fps} for the file {path}")
    return VideoFile(path)


def _span(source: VideoFile | ImageFolder, start: int, stop: int | None) -> tuple[int, int | None]:
    """Check as `range` would; `stop` beyond the end means the end."""
    count = source.info.frame_count
    if start < 0 or (count is not None and start > count):
        raise ValueError(f"start must be a frame number from 0 to {count}, got {start}")
    if stop is not None and stop < start:
        raise ValueError(f"stop must not be less than start = {start}, got {stop}")
    return start, count if stop is None else stop if count is None else min(stop, count)


def _chunks(source: VideoFile | ImageFolder, chunk: int, overlap: int, start: int, stop: int | None) -> Iterator[Clip]:
    first, kept = start, _no_frames(source)
    with closing(source.frames(start, stop)) as frames:
        while stop is None or first + len(kept) < stop:
            size = chunk if stop is None else min(chunk, stop - first)
            buffer = np.empty((size, *source.info.size, 3), np.uint8)
            buffer[: len(kept)] = kept
            filled = len(kept)
            for pixels in islice(frames, size - filled):
                buffer[filled] = pixels
                filled += 1
            if filled == len(kept):
                return
            kept = buffer[filled - overlap : filled].copy()
            clip = _clip(source, buffer[:filled], first)
            first += filled - overlap
            del buffer
            yield clip
            del clip


def _clip(source: VideoFile | ImageFolder, frames: np.ndarray, first: int) -> Clip:
    timing = source.timing
    times = timing.times(first, first + len(frames))
    start = timing.time(first) if len(frames) else source.info.start
    return Clip.from_numpy(frames, source.info.fps, start, times)


def _no_frames(source: VideoFile | ImageFolder) -> np.ndarray:
    return np.empty((0, *source.info.size, 3), np.uint8)
