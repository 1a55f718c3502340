"""Windows of frames that move forward through a video, each frame decoded once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from maskreel.common.errors import InputError
from maskreel.common.video import Clip, iterate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from maskreel.common.video import VideoInfo

__all__ = ["ForwardReader", "count_frames"]


def count_frames(info: VideoInfo, seconds: float | None = None) -> int:
    """The number of frames, at most those of the first `seconds`, at least one.

    Those of a file that does not tell, such as raw .h264, are decoded and counted.
    """
    frames = sum(len(clip) for clip in iterate(info.path)) if info.frame_count is None else info.frame_count
    return frames if seconds is None else min(frames, max(1, round(seconds * float(info.fps))))


class ForwardReader:
    """Reads windows of a video; a window may overlap the one before but never start earlier.

    Memory: the frames of one window and of one decoded chunk.

    Args:
        path: a video file or a folder of frames.
        stop: the frame before which all windows stop, so that none behind it is decoded; None: the end of the video.
        chunk: frames decoded at a time.
    """

    def __init__(self, path: Path, *, stop: int | None = None, chunk: int = 16) -> None:
        self._path = path
        self._stop = stop
        self._chunk = chunk
        self._stream: Iterator[Clip] | None = None
        self._held: list[Clip] = []
        self._first = 0  # index of the first frame held
        self._end = 0  # index after the last frame held

    def window(self, start: int, stop: int) -> Clip:
        """Frames `start` to `stop`, half-open.

        Raises:
            ValueError: if the window starts before the last one did.
            InputError: if the video ends before `stop`.
        """
        if start < self._first:
            raise ValueError(f"windows must move forward: start must be at least {self._first}, got {start}")
        if self._stream is None or start > self._end:
            self._held, self._first, self._end = [], start, start
            self._stream = iterate(self._path, chunk=self._chunk, start=start, stop=self._stop)
        while self._end < stop:
            clip = next(self._stream, None)
            if clip is None:
                raise InputError(
                    f"{self._path}: the video ends after {self._end} frames, but frame {stop - 1} is needed"
                )
            self._held.append(clip)
            self._end += len(clip)
        self._drop_before(start)
        return self._joined(start, stop)

    def _drop_before(self, start: int) -> None:
        while self._held and self._first + len(self._held[0]) <= start:
            self._first += len(self._held.pop(0))

    def _joined(self, start: int, stop: int) -> Clip:
        frames = torch.cat([clip.frames.permute(0, 2, 3, 1) for clip in self._held]).permute(0, 3, 1, 2)
        varies = any(clip.timestamps is not None for clip in self._held)
        times = tuple(t for clip in self._held for t in clip.times) if varies else None
        whole = Clip(frames, self._held[0].fps, self._held[0].start, times)
        return whole[start - self._first : stop - self._first]
