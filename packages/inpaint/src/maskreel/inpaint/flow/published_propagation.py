"""The published propagation: whole-pixel steps, the nearer moment, passes that start anew (Xu et al., CVPR 2019).

A pixel of a hole steps along the mean of the flow there and the flow back to the nearest pixel of the neighbouring
frame, if going there and back ends near where it began. Where that is a hole too, it gets what that one got. Of past
and future the nearer moment wins. Whatever has been filled counts as seen at its own moment in later passes.

Xu et al., "Deep Flow-Guided Video Inpainting", carry colours and moments through full frames, and warp anew in every
pass. Here every step is found once, and only references are carried, for hole pixels only; the colours are the same.
Two things differ: the last row and column of a frame can be reached, and the last frame is filled like the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from maskreel.inpaint.flow.propagation import Pointers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maskreel.inpaint.flow.propagation import Hole

__all__ = ["SteppedHoles", "Steps", "find_steps"]

_NOWHERE = -1


@dataclass(frozen=True)
class Steps:
    """Where the hole pixels of a frame lie in a neighbouring frame, to whole pixels."""

    target: np.ndarray
    """int32 (n,): flat index y * width + x in the neighbour, -1 where the step is not valid."""
    row: np.ndarray
    """int32 (n,): row in the neighbour's hole, -1 where the target is not in it."""
    error: np.ndarray
    """float32 (n,): pixels by which going there and back misses the start."""

    @classmethod
    def none(cls, count: int) -> Steps:
        """Steps of `count` pixels that lead nowhere."""
        nowhere = np.full(count, _NOWHERE, np.int32)
        return cls(nowhere, nowhere, np.zeros(count, np.float32))

    def take(self, rows: np.ndarray) -> Steps:
        """The steps of some rows."""
        return Steps(self.target[rows], self.row[rows], self.error[rows])


def find_steps(hole: Hole, neighbour: Hole, flow: np.ndarray, flow_back: np.ndarray, *, threshold_px: float) -> Steps:
    """Steps from a hole into the neighbouring frame.

    Args:
        hole: the hole of this frame.
        neighbour: the hole of the neighbour.
        flow: float32 (H, W, 2), from this frame to the neighbour.
        flow_back: float32 (H, W, 2), from the neighbour to this frame.
        threshold_px: steps whose way there and back misses the start by this or more are not valid; nor are those that
            leave the frame, by `flow` or by the mean of both flows.
    """
    height, width = hole.size
    # In double precision, as published: a rounding error would flip pixels half-way between two others.
    y, x = (index.astype(np.float64) for index in np.divmod(hole.pixels.astype(np.int32), np.int32(width)))
    ahead_x, ahead_y = (part.astype(np.float64) for part in flow.reshape(-1, 2)[hole.pixels].T)
    there_x, there_y = x + ahead_x, y + ahead_y
    valid = (there_x >= 0) & (there_x <= width - 1) & (there_y >= 0) & (there_y <= height - 1)
    back_x, back_y = _bilinear(flow_back, there_x, there_y)
    error = np.sqrt(np.square(back_y + there_y - y) + np.square(back_x + there_x - x))
    x += (ahead_x - back_x) / 2
    y += (ahead_y - back_y) / 2
    valid &= (error < threshold_px) & (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    target = np.rint(y) * width + np.rint(x)
    target = np.where(valid, target, _NOWHERE).astype(np.int32)
    row = np.where(valid, neighbour.rows()[target], np.int32(_NOWHERE))
    return Steps(target, row, error.astype(np.float32))


@dataclass(frozen=True)
class SteppedHoles:
    """The holes of consecutive frames and the steps into the frames before and after."""

    holes: Sequence[Hole]
    to_previous: Sequence[Steps]
    """Steps of frame t to t - 1; entry 0 is not used."""
    to_next: Sequence[Steps]
    """Steps of frame t to t + 1; the last entry is not used."""

    def propagate(
        self,
        pointers: Sequence[Pointers],
        usable: np.ndarray,
        painted: np.ndarray | None,
    ) -> list[Pointers]:
        """Reach unreached pixels, in one pass forwards and one backwards through the frames.

        Where both arrive, the nearer moment wins, then the past. What a reached pixel hands on is its own pointer, but
        as if it had been seen in its own frame.

        Args:
            pointers: what is known so far; reached pixels stay as they are.
            usable: not needed, as walks end on pixels that are.
            painted: bool (T, H, W), True where pixels outside the holes were painted earlier; None: nowhere.

        Returns:
            Pointers per frame.
        """
        count = len(self.holes)
        pending = [np.flatnonzero(~found.reached) for found in pointers]
        known = _Known(pointers, painted, self.holes[0].size[1])
        walk = _Walk(known, pending)
        past = [walk.go(t, t - 1, self.to_previous[t]) for t in range(count)]
        walk = _Walk(known, pending)
        result = list(pointers)
        for t in range(count - 1, -1, -1):
            ends = past.pop().or_nearer(t, walk.go(t, t + 1, self.to_next[t]))
            arrived = np.flatnonzero(ends.moment >= 0)
            if len(arrived):
                result[t] = pointers[t].replaced(pending[t][arrived], known.pointers_to(ends.take(arrived)))
        return result


@dataclass(frozen=True)
class _Ends:
    """Where the walks from some hole pixels of a frame end."""

    moment: np.ndarray
    """int32 (n,): the frame, -1 where there is no way."""
    place: np.ndarray
    """int32 (n,): row among the hole pixels of all frames or, outside holes, ~ the flat index in the frame."""
    error: np.ndarray
    """float32 (n,): summed along the way."""

    @classmethod
    def nowhere(cls, count: int) -> _Ends:
        return cls(np.full(count, _NOWHERE, np.int32), np.zeros(count, np.int32), np.zeros(count, np.float32))

    def take(self, rows: np.ndarray) -> _Ends:
        return _Ends(self.moment[rows], self.place[rows], self.error[rows])

    def or_nearer(self, t: int, future: _Ends) -> _Ends:
        """Of these, in the past of frame `t`, and those in its future, the nearer in time."""
        chosen = (future.moment >= 0) & ((self.moment < 0) | (future.moment - t < t - self.moment))
        rows = np.flatnonzero(chosen)
        ends = _Ends(self.moment.copy(), self.place.copy(), self.error.copy())
        ends.moment[rows], ends.place[rows], ends.error[rows] = (
            future.moment[rows],
            future.place[rows],
            future.error[rows],
        )
        return ends


class _Walk:
    """One pass through the frames, one way; holds where the walks from the last frame's hole end."""

    def __init__(self, known: _Known, pending: Sequence[np.ndarray]) -> None:
        self._known = known
        self._pending = pending
        self._last: _Ends | None = None

    def go(self, t: int, neighbour: int, steps: Steps) -> _Ends:
        """Where the walks from the unreached pixels of frame `t` end, which start with a step into `neighbour`."""
        rows = self._pending[t]
        ends = _Ends.nowhere(len(rows)) if self._last is None else self._stepped(steps.take(rows), neighbour)
        self._last = self._known.ends(t)
        self._last.moment[rows], self._last.place[rows], self._last.error[rows] = ends.moment, ends.place, ends.error
        return ends

    def _stepped(self, steps: Steps, neighbour: int) -> _Ends:
        assert self._last is not None
        moment = np.where(steps.target >= 0, np.int32(neighbour), np.int32(_NOWHERE))
        ends = _Ends(moment, ~steps.target, steps.error.copy())
        inner = np.flatnonzero(steps.row >= 0)
        beyond = self._last.take(steps.row[inner])
        ends.moment[inner], ends.place[inner] = beyond.moment, beyond.place
        ends.error[inner] += beyond.error
        return ends


class _Known:
    """What the hole pixels of all frames point to so far."""

    def __init__(self, pointers: Sequence[Pointers], painted: np.ndarray | None, width: int) -> None:
        self._pointers = pointers
        self._painted = painted
        self._width = np.int32(width)
        self._first = np.cumsum([0, *(len(found.frame) for found in pointers)])

    def ends(self, t: int) -> _Ends:
        """Every hole pixel of frame `t` as the end of a walk; right for the reached ones."""
        count = len(self._pointers[t].frame)
        rows = np.arange(self._first[t], self._first[t] + count, dtype=np.int32)
        return _Ends(np.full(count, t, np.int32), rows, self._pointers[t].error.copy())

    def pointers_to(self, ends: _Ends) -> Pointers:
        """What is found at the ends of walks, all of which lead somewhere."""
        pixel = ~ends.place
        y, x = np.divmod(pixel, self._width)
        painted = np.zeros(len(pixel), np.bool_)
        inner = np.flatnonzero(ends.place >= 0)
        if self._painted is not None:
            outer = np.flatnonzero(ends.place < 0)
            painted[outer] = self._painted.reshape(len(self._painted), -1)[ends.moment[outer], pixel[outer]]
        found = Pointers(ends.moment, np.stack([x, y], -1).astype(np.float32), ends.error, painted)
        if not len(inner):
            return found
        beyond = self._joined.take(ends.place[inner])
        return found.replaced(inner, Pointers(beyond.frame, beyond.position, ends.error[inner], beyond.synthesised))

    @cached_property
    def _joined(self) -> Pointers:
        return Pointers.joined(self._pointers)


def _bilinear(field: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both channels of float32 (H, W, 2) at positions float64 (n,), in double precision; outside, whatever."""
    height, width = field.shape[:2]
    left = np.clip(np.floor(x), 0, max(0, width - 2))
    top = np.clip(np.floor(y), 0, max(0, height - 2))
    right, low = x - left, y - top
    first = (top * width + left).astype(np.int32)
    to_right, to_low = min(1, width - 1), width * min(1, height - 1)
    # In this order the sum is, bit for bit, what the published loop gets.
    corners = (
        (0, (1 - low) * (1 - right)),
        (to_low, low * (1 - right)),
        (to_right, (1 - low) * right),
        (to_low + to_right, low * right),
    )
    pairs = np.ascontiguousarray(field).view(np.complex64).reshape(-1)  # both channels at one look-up
    total_x, total_y = np.zeros(len(x)), np.zeros(len(x))
    for offset, weight in corners:
        value = np.take(pairs, first + offset)
        total_x += weight * value.real
        total_y += weight * value.imag
    return total_x, total_y
