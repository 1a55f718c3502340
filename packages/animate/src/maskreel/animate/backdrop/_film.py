"""`FilmBackdrop`: a moving picture behind the clip, read as a stream, from the beginning again when it ends."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

import torch

from maskreel.animate.backdrop._fitting import fitted
from maskreel.common.errors import InputError
from maskreel.common.masks import iterate_masks
from maskreel.common.video import iterate, probe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from torch import Tensor

__all__ = ["FilmBackdrop"]

_CHUNK = 4


class _FilmFrame(NamedTuple):
    """One frame of the film as the result shows it."""

    time: Fraction
    """Seconds, or number of the frame, from the first showing of the first frame on."""
    frame: Tensor
    """uint8 (1, 3, H, W)."""
    mask: Tensor | None
    """Float (1, 1, H, W), from a file."""


class FilmBackdrop:
    """A video, a GIF or a folder of numbered images. Memory does not grow with its length.

    With `fps`, frame i of the result shows what the film shows i / fps seconds after its first frame, so that it plays
    at its own speed. Without, frame i shows frame i of the film, as the driving video needs it.

    Args:
        path: of the film.
        size: (height, width) of the result.
        fps: frames per second of the result.
        find: from uint8 (N, 3, H, W) to float (N, 1, H, W): where its own subject is.
        mask: without `find`, a file or folder that says it, as large and long as the film or one for all of it.

    Raises:
        InputError: the film or the masks cannot be read, or do not fit each other.
    """

    still = False
    transparent = False

    def __init__(
        self,
        path: Path,
        size: tuple[int, int],
        *,
        fps: Fraction | None = None,
        find: Callable[[Tensor], Tensor] | None = None,
        mask: Path | None = None,
    ) -> None:
        self._path, self._size, self._fps, self._find, self._mask = path, size, fps, find, mask
        self._info = probe(path)
        self._enter(0)

    def read(self, start: int, count: int) -> Tensor:
        """Frames `start` to `start + count` of the result: uint8 (count, 3, H, W)."""
        return torch.cat([shown.frame for shown in self._frames(start, count)])

    def holes(self, start: int, count: int) -> Tensor | None:
        """Where its own subject is in them: float (count, 1, H, W); None if nobody says so."""
        if self._mask is None and self._find is None:
            return None
        frames = self._frames(start, count)
        if self._found is None:
            masks = [shown.mask for shown in frames if shown.mask is not None]
            self._found = torch.cat(masks) if self._find is None else self._find(self.read(start, count))
        return self._found

    def _frames(self, start: int, count: int) -> list[_FilmFrame]:
        if start < 0 or count < 1:
            raise ValueError(f"start must be 0 or more and count 1 or more, got {start} and {count}")
        if self._last[:2] == (start, count):
            return self._last[2]
        if start != self._position:
            self._enter(start)
        frames = [self._at(number) for number in range(start, start + count)]
        self._position = start + count
        self._last, self._found = (start, count, frames), None
        return frames

    def _enter(self, number: int) -> None:
        """Begin to read at frame `number` of the result."""
        self._film = self._endless(*self._entry(number))
        self._now, self._next = next(self._film), next(self._film)
        self._position = number
        self._last: tuple[int, int, list[_FilmFrame]] = -1, 0, []
        self._found: Tensor | None = None

    def _entry(self, number: int) -> tuple[Fraction, int]:
        """When the showing begins in which frame `number` of the result is, and which frame of the film it shows."""
        count, time = self._info.frame_count, self._time(number)
        if count is None or self._info.variable_frame_rate:
            return Fraction(0), 0  # what comes before is read and left out
        rate = Fraction(1) if self._fps is None else self._info.fps
        showing, rest = divmod(time, count / rate)
        return showing * count / rate, int(rest * rate)

    def _time(self, number: int) -> Fraction:
        return Fraction(number) if self._fps is None else number / self._fps

    def _at(self, number: int) -> _FilmFrame:
        time = self._time(number)
        while self._next.time <= time:
            self._now, self._next = self._next, next(self._film)
        if self._now.frame.shape[-2:] != self._size:
            self._now = self._fit(self._now)
        return self._now

    def _fit(self, shown: _FilmFrame) -> _FilmFrame:
        mask = None if shown.mask is None else fitted(shown.mask, self._size)
        return shown._replace(frame=fitted(shown.frame, self._size), mask=mask)

    def _endless(self, begin: Fraction, first: int) -> Iterator[_FilmFrame]:
        while True:
            last = Fraction(0)
            for shown in self._once(first):
                last = shown.time
                yield shown._replace(time=begin + last)
            begin, first = begin + self._length(last), 0

    def _length(self, last: Fraction) -> Fraction:
        """Of one showing, whose last frame came at `last`."""
        if self._fps is None:
            return last + 1
        return self._info.duration or last + 1 / self._info.fps

    def _once(self, first: int) -> Iterator[_FilmFrame]:
        masks = self._masks(first)
        number = first
        for clip in iterate(self._path, chunk=_CHUNK, start=first):
            for frame, time in zip(clip.frames, clip.times, strict=True):
                shown = Fraction(number) if self._fps is None else time - self._info.start
                yield _FilmFrame(shown, frame[None], next(masks))
                number += 1

    def _masks(self, first: int) -> Iterator[Tensor | None]:
        if self._mask is None:
            while True:
                yield None
        size, count = self._info.size, self._info.frame_count
        if count is None:
            raise InputError(f"{self._path} does not say how many frames it has; copy it to .mkv or .mp4 for masks")
        for masks in iterate_masks(self._mask, size=size, frame_count=count, chunk=_CHUNK, start=first):
            yield from masks[:, None, None].float()
