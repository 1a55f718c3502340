"""A row of frames that is longer than 11: a video file, a folder of images, or an array."""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import torch

from maskreel.common import video
from maskreel.common.errors import InputError
from maskreel.vfp.data._observed_clip import FRAME_SECONDS, ObservedClip
from maskreel.vfp.timeline import OBSERVED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from fractions import Fraction
    from pathlib import Path

logger = logging.getLogger(__name__)

_FAR_OFF = 1.25
"""Times by which the seconds between frames may be off before the user is told."""


class FrameSeries(Protocol):
    """Frames that are read one after the other."""

    @property
    def source(self) -> str:
        """What to call it in errors."""
        ...

    @property
    def count(self) -> int:
        """Number of frames."""
        ...

    @property
    def fps(self) -> Fraction | None:
        """Frames per second; None: already at the steps of the data set."""
        ...

    def read(self, start: int, step: int) -> Iterator[torch.Tensor]:
        """Every `step`th frame from `start` on, uint8 (3, H, W), RGB."""
        ...


class VideoSeries:
    """Frames of a video file, or of a folder of images, which has no frame rate of its own."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.source = str(path)
        info = video.probe(path)
        self.fps = None if path.is_dir() else info.fps
        self.count = info.frame_count if info.frame_count is not None else sum(map(len, video.iterate(path)))

    def read(self, start: int, step: int) -> Iterator[torch.Tensor]:
        place = start
        for clip in video.iterate(self._path, chunk=8, start=start):
            for index, frame in enumerate(clip.frames, place):
                if (index - start) % step == 0:
                    yield frame.clone()  # so that the rest of the chunk can go
            place += len(clip)


@dataclass(frozen=True)
class SeriesClips:
    """The clips of one series: its last 11 sampled frames, or one after every `every` sampled frames."""

    name: str
    series: FrameSeries
    step: int
    """Frames from one sampled frame to the next."""
    every: int | None

    @property
    def sampled(self) -> int:
        """Sampled frames, if sampling begins with the first frame."""
        return -(-self.series.count // self.step)

    @property
    def names(self) -> tuple[str, ...]:
        """With `every`, the name of the series and the last observed frame, counted from 0."""
        if self.every is None:
            return (self.name,)
        ends = range((OBSERVED - 1) * self.step, self.series.count, self.every * self.step)
        return tuple(f"{self.name}_{frame:06d}" for frame in ends)

    def iterate(self, start: int = 0) -> Iterator[ObservedClip]:
        """The clips from the `start`th on; the memory of 11 frames, however long the series."""
        names, every = self.names[start:], self.every or 1
        if not names:
            return
        span = (OBSERVED - 1) * self.step
        first = start * every * self.step if self.every else self.series.count - 1 - span
        held: deque[torch.Tensor] = deque(maxlen=OBSERVED)
        for index, frame in enumerate(self.series.read(first, self.step)):
            held.append(frame)
            clip, rest = divmod(index - OBSERVED + 1, every)
            if clip >= 0 and rest == 0:
                yield ObservedClip(names[clip], torch.stack(list(held)), self._fps)

    @property
    def _fps(self) -> Fraction:
        return 1 / FRAME_SECONDS if self.series.fps is None else self.series.fps / self.step


def clips_of_series(name: str, series: FrameSeries, *, stride: int | None, every: int | None) -> SeriesClips:
    """Sample a series at the steps of the data set, or at every `stride`th frame.

    Raises:
        InputError: It has fewer than 11 frames in such steps.
    """
    clips = SeriesClips(name, series, stride or _usual_step(series), every)
    if clips.sampled < OBSERVED:
        steps = "" if clips.step == 1 else f", {clips.sampled} in steps of {clips.step}"
        way_out = " (a smaller --stride takes more)" if series.count >= OBSERVED else ""
        raise InputError(f"{series.source} has {series.count} frames{steps}, expected {OBSERVED} or more{way_out}")
    return clips


def _usual_step(series: FrameSeries) -> int:
    """Frames that are nearest to 5/25.6 s."""
    if series.fps is None:
        return 1
    step = max(1, round(FRAME_SECONDS * series.fps))
    ratio = step / (FRAME_SECONDS * series.fps)
    if max(ratio, 1 / ratio) > _FAR_OFF:
        seconds = float(step / series.fps)
        logger.warning(
            "%s: its frames are %.3f s apart, forecasters know %.3f s", series.source, seconds, float(FRAME_SECONDS)
        )
    return step
