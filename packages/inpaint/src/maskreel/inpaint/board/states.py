"""What stood on the board: the states of a board or of slides, each once, at its fullest.

A state lasts as long as what is there stays there; writing may be added. It ends when something of it is gone for good:
wiped, or replaced by another slide. So a state is kept as it looked last before things began to vanish, and a talk of
an hour becomes a handful of pages.

Frames are looked at twice a second or so, in grey and small. *Detail* is where the picture has an edge: strokes, print,
frames of pictures. A pixel of detail is *gone* when neither it nor a neighbour has its grey level any more, after the
frames were laid over each other, because cameras shake. Memory: one frame in full size, and some small ones.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from maskreel.common.video import Clip

__all__ = ["BoardState", "find_states"]

_HEIGHT = 270  # of the small frames
_EDGE = 25  # grey levels within 3 pixels that make detail
_SAME = 25  # grey levels that noise, light and compression may change
_FARTHEST = 0.025  # of the height: how far a shaking camera may go
_TOUCHING = np.ones((3, 3), np.uint8)
_FULL = 0.98  # of the most detail that a state had: as full as that, the later moment is taken


@dataclass(frozen=True, repr=False)
class BoardState:
    """What stood on the board for a while."""

    start: float
    """Seconds from the start of the video at which it began ..."""
    stop: float
    """... and at which it was gone."""
    time: float
    """Seconds of the frame that shows it at its fullest."""
    image: np.ndarray
    """uint8 (H, W, 3), RGB: that frame."""

    def __repr__(self) -> str:
        return f"BoardState({self.start:.1f} s to {self.stop:.1f} s, fullest at {self.time:.1f} s)"


@dataclass
class _Look:
    """One small frame."""

    time: float
    grey: np.ndarray
    """uint8 (h, w)."""
    detail: np.ndarray
    """bool (h, w)."""

    @classmethod
    def at(cls, frame: np.ndarray, time: float) -> _Look:
        scale = min(1.0, _HEIGHT / frame.shape[0])
        grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
        if scale < 1:
            size = (max(1, round(frame.shape[1] * scale)), _HEIGHT)
            grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
        return cls(time, grey, cv2.morphologyEx(grey, cv2.MORPH_GRADIENT, _TOUCHING) > _EDGE)

    def laid_over(self, grey: np.ndarray) -> _Look:
        """Moved by whole pixels to where another frame, uint8 (h, w), shows the same."""
        (x, y), _ = cv2.phaseCorrelate(grey.astype(np.float64), self.grey.astype(np.float64))
        farthest = _FARTHEST * len(grey)
        if max(abs(x), abs(y)) < 0.5 or max(abs(x), abs(y)) > farthest:  # nothing to do; or not of one scene
            return self
        move, size = np.array([[1.0, 0, -round(x)], [0, 1, -round(y)]]), grey.shape[::-1]

        def moved(picture: np.ndarray) -> np.ndarray:
            return cv2.warpAffine(picture, move, size, flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)

        return _Look(self.time, moved(self.grey), moved(self.detail.astype(np.uint8)) == 1)

    def lacks(self, grey: np.ndarray, detail: np.ndarray) -> np.ndarray:
        """bool (h, w): where detail of grey levels `grey` is not to be found in this frame, which lies over it."""
        lowest, highest = (change(self.grey, _TOUCHING).astype(np.int16) for change in (cv2.erode, cv2.dilate))
        return detail & ((grey < lowest - _SAME) | (grey > highest + _SAME))


class _State:
    """A state that goes on: all detail that it has had, and the frame in which most of it is there."""

    def __init__(self, look: _Look, frame: np.ndarray, start: float) -> None:
        self.start, self.time, self.frame = start, look.time, frame.copy()
        self._grey, self._detail = look.grey.copy(), look.detail.copy()
        self._most = np.count_nonzero(look.detail)

    def gone(self, look: _Look) -> int:
        """How many pixels of its detail are not to be found in a frame."""
        return int(np.count_nonzero(look.laid_over(self._grey).lacks(self._grey, self._detail)))

    def add(self, look: _Look, frame: np.ndarray) -> None:
        """Take in a frame in which it goes on."""
        look = look.laid_over(self._grey)
        missing = look.lacks(self._grey, self._detail)  # kept as it was: wiped slowly, it must still be missed
        self._grey = np.where(missing, self._grey, look.grey)
        self._detail = missing | look.detail
        here = np.count_nonzero(look.detail) - np.count_nonzero(missing)
        if here >= _FULL * self._most:
            self.time, self.frame = look.time, frame.copy()
        self._most = max(self._most, here)

    def ended(self, stop: float) -> BoardState:
        return BoardState(self.start, stop, self.time, self.frame)


def find_states(
    clips: Iterable[Clip], *, period: float = 0.5, settle: float = 2.0, change: float = 0.0015
) -> Iterator[BoardState]:
    """The states of a board or of slides, in order, each when it has ended.

    Args:
        clips: consecutive frames of a video without a lecturer before the board.
        period: seconds from one look to the next.
        settle: seconds that a new state must last; what comes and goes quicker, or never rests, is no state.
        change: fraction of the picture's area that must have vanished for a state to end; a line of handwriting on a
            board that fills the picture has two to four times this much.

    Raises:
        ValueError: an option is out of range.
    """
    for name, value in (("period", period), ("settle", settle), ("change", change)):
        if not value > 0:
            raise ValueError(f"{name} must be positive, got {value}")
    state: _State | None = None
    recent: deque[_Look] = deque()  # of the last `settle` seconds
    began: float | None = None  # when what is missed now went missing
    look = None
    for frame, time in _samples(clips, period):
        look = _Look.at(frame, time)
        least = change * look.grey.size
        recent.append(look)
        while recent[0].time < time - settle:
            recent.popleft()
        if state is None:
            state = _State(look, frame, time)
            continue
        if state.gone(look) < least:
            state.add(look, frame)
            began = None
            continue
        began = time if began is None else began
        if time - began >= settle and _rests(recent, least):
            yield state.ended(began)
            state, began = _State(look, frame, recent[0].time), None
    if state is not None and look is not None:
        yield state.ended(look.time)


def _rests(recent: Sequence[_Look], least: float) -> bool:
    """Whether nothing has vanished in the last seconds."""
    last = recent[-1]
    return all(np.count_nonzero(last.laid_over(look.grey).lacks(look.grey, look.detail)) < least for look in recent)


def _samples(clips: Iterable[Clip], period: float) -> Iterator[tuple[np.ndarray, float]]:
    """Frames, uint8 (H, W, 3), and their seconds from the first one; the last frame is among them."""
    first, due, last = None, 0.0, None
    for clip in clips:
        for frame, stamp in zip(clip.numpy(), clip.times, strict=True):
            first = stamp if first is None else first
            time = float(stamp - first)
            last = (frame, time)
            if time >= due - 1e-9:
                due = max(due + period, time)
                last = None
                yield frame, time
    if last is not None:
        yield last
