"""Source pointers: for every pixel of a hole, which frame shows it, and where.

Colours are not handed from frame to frame; positions are. A hole pixel follows the flow to the neighbouring frame;
where that is known, the walk ends, otherwise it takes over the pointer found there, plus its sub-pixel remainder. So
any distance costs one step per frame, and colours are fetched once, without blur building up (after the propagation
of Xu et al., "Deep Flow-Guided Video Inpainting", CVPR 2019, which carries colours). Only hole pixels are stored.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["UNREACHED", "Hole", "LinkedHoles", "Links", "Pointers", "Sampling", "fetch", "link"]

Sampling = Literal["bilinear", "nearest"]
UNREACHED = -1


@dataclass(frozen=True)
class Hole:
    """The hole pixels of one frame, in scan order."""

    pixels: np.ndarray
    """int64 (n,), flat indices y * width + x."""
    size: tuple[int, int]
    """(height, width) of the frame."""

    @classmethod
    def of(cls, mask: np.ndarray) -> Hole:
        """The True pixels of a bool (H, W) mask."""
        if mask.dtype != np.bool_ or mask.ndim != 2:
            raise ValueError(f"mask must be bool (H, W), got {mask.dtype} {mask.shape}")
        return cls(np.flatnonzero(mask), (mask.shape[0], mask.shape[1]))

    @property
    def points(self) -> np.ndarray:
        """float32 (n, 2): (x, y) of the pixels."""
        y, x = np.divmod(self.pixels, self.size[1])
        return np.stack([x, y], -1).astype(np.float32)

    def rows(self) -> np.ndarray:
        """int32 (H * W,): the row of each pixel in `pixels`, -1 outside the hole."""
        table = np.full(self.size[0] * self.size[1], -1, np.int32)
        table[self.pixels] = np.arange(len(self.pixels), dtype=np.int32)
        return table


@dataclass(frozen=True)
class Links:
    """Where the hole pixels of a frame lie in a neighbouring frame."""

    position: np.ndarray
    """float32 (n, 2): (x, y) in the neighbour."""
    error: np.ndarray
    """float32 (n,): pixels by which going there and back misses the start; infinite where the link is not valid."""


@dataclass(frozen=True)
class Pointers:
    """Sources of the hole pixels of one frame."""

    frame: np.ndarray
    """int32 (n,): the frame to copy from, -1 where none is known."""
    position: np.ndarray
    """float32 (n, 2): (x, y) in that frame."""
    error: np.ndarray
    """float32 (n,): forward-backward error in pixels, summed along the way."""
    synthesised: np.ndarray
    """bool (n,): the source was painted, not seen."""

    @classmethod
    def unreached(cls, count: int) -> Pointers:
        """Pointers to nowhere."""
        return cls(
            np.full(count, UNREACHED, np.int32),
            np.zeros((count, 2), np.float32),
            np.zeros(count, np.float32),
            np.zeros(count, np.bool_),
        )

    @classmethod
    def joined(cls, parts: Sequence[Pointers]) -> Pointers:
        """The pointers of several frames, one after the other."""
        return cls(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)))

    @property
    def reached(self) -> np.ndarray:
        """bool (n,)."""
        return self.frame != UNREACHED

    def take(self, rows: np.ndarray) -> Pointers:
        """The pointers of some rows."""
        return Pointers(*(getattr(self, field.name)[rows] for field in fields(self)))

    def replaced(self, rows: np.ndarray, other: Pointers) -> Pointers:
        """A copy in which `rows` hold the pointers of `other`."""
        columns = [getattr(self, field.name).copy() for field in fields(self)]
        for column, field in zip(columns, fields(self), strict=True):
            column[rows] = getattr(other, field.name)
        return Pointers(*columns)


def link(hole: Hole, flow: np.ndarray, flow_back: np.ndarray, *, threshold_px: float) -> Links:
    """Follow completed flow from a hole into the neighbouring frame, and back as a test.

    Args:
        hole: the hole of this frame.
        flow: float32 (H, W, 2), from this frame to the neighbour.
        flow_back: float32 (H, W, 2), from the neighbour to this frame.
        threshold_px: links whose forward-backward error is not below this are not valid; nor are those that leave the
            frame.
    """
    start = hole.points
    ahead = flow.reshape(-1, 2)[hole.pixels]
    target = start + ahead
    back = _bilinear(flow_back, target)
    error = np.hypot(*(ahead + back).T).astype(np.float32)
    # The mean of both estimates is more accurate than either.
    position = start + (ahead - back) / 2
    valid = (error < threshold_px) & _inside(position, hole.size)
    return Links(position.astype(np.float32), np.where(valid, error, np.float32(np.inf)))


@dataclass(frozen=True)
class LinkedHoles:
    """The holes of consecutive frames and where their pixels lie in the frames before and after."""

    holes: Sequence[Hole]
    to_previous: Sequence[Links]
    """Links of frame t to t - 1; entry 0 is not used."""
    to_next: Sequence[Links]
    """Links of frame t to t + 1; the last entry is not used."""

    def propagate(self, pointers: Sequence[Pointers], usable: np.ndarray, painted: np.ndarray | None) -> list[Pointers]:
        """Reach unreached pixels, in one pass forwards and one backwards through the frames.

        Where both arrive, something seen wins over something painted, then the nearer moment, then the smaller error,
        then the past.

        Args:
            pointers: what is known so far; reached pixels stay as they are and hand their pointers on.
            usable: bool (T, H, W), True where a colour may be copied from.
            painted: bool (T, H, W), True where pixels outside the holes were painted earlier; None: nowhere.

        Returns:
            Pointers per frame.
        """
        count = len(self.holes)
        past, future = list(pointers), list(pointers)
        for t in range(1, count):
            past[t] = self._step(t, t - 1, self.to_previous[t], past, usable, painted)
        for t in range(count - 2, -1, -1):
            future[t] = self._step(t, t + 1, self.to_next[t], future, usable, painted)
        return [_better(t, past[t], future[t]) for t in range(count)]

    def _step(
        self,
        t: int,
        source: int,
        links: Links,
        pointers: Sequence[Pointers],
        usable: np.ndarray,
        painted: np.ndarray | None,
    ) -> Pointers:
        """Pointers of frame `t` after one look into the neighbouring frame `source`."""
        pending = np.flatnonzero(~pointers[t].reached & np.isfinite(links.error))
        if not len(pending):
            return pointers[t]
        position, error = links.position[pending], links.error[pending]
        x, y = np.rint(position).astype(np.intp).T
        row = self.holes[source].rows()[y * usable.shape[2] + x]
        invented = painted[source, y, x] if painted is not None else np.zeros(len(row), np.bool_)
        arrived = Pointers(np.full(len(row), source, np.int32), position, error, invented)
        covered = np.flatnonzero(row >= 0)
        if len(covered):
            beyond = pointers[source].take(row[covered])
            remainder = position[covered] - np.stack([x, y], -1)[covered].astype(np.float32)
            place = _moved(beyond, remainder, usable)
            total = beyond.error + error[covered]
            arrived = arrived.replaced(covered, Pointers(beyond.frame, place, total, beyond.synthesised))
        return pointers[t].replaced(pending, arrived)


def fetch(pointers: Pointers, frames: np.ndarray, usable: np.ndarray, sampling: Sampling = "bilinear") -> np.ndarray:
    """Colours of reached pointers.

    Args:
        pointers: all reached.
        frames: uint8 (T, H, W, C).
        usable: bool (T, H, W): pixels whose colour counts. Others get no weight in bilinear sampling.
        sampling: bilinear, or nearest: the exact value of one pixel.

    Returns:
        uint8 (n, C).
    """
    height, width = usable.shape[1:]
    position = np.clip(pointers.position, 0, np.array([width - 1, height - 1], np.float32))
    if sampling == "nearest":
        x, y = np.rint(position).astype(np.intp).T
        return frames[pointers.frame, y, x]
    total = np.zeros((len(position), frames.shape[-1]), np.float32)
    weights = np.zeros((len(position), 1), np.float32)
    for x, y, weight in _corners(position, (height, width)):
        counted = (weight * usable[pointers.frame, y, x])[:, None]
        total += counted * frames[pointers.frame, y, x]
        weights += counted
    return np.rint(total / np.maximum(weights, 1e-6)).astype(np.uint8)


def _moved(pointers: Pointers, remainder: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """Positions shifted by `remainder` (n, 2), below one pixel, unless that leads into a hole or out of the frame."""
    height, width = usable.shape[1:]
    moved = pointers.position + remainder
    x, y = np.rint(moved).astype(np.intp).T
    allowed = _inside(moved, (height, width))
    x, y = np.clip(x, 0, width - 1), np.clip(y, 0, height - 1)
    allowed &= usable[np.maximum(pointers.frame, 0), y, x]
    return np.where(allowed[:, None], moved, pointers.position)


def _better(t: int, past: Pointers, future: Pointers) -> Pointers:
    """The better pointer of each pixel of frame `t`."""
    span_past, span_future = np.abs(past.frame - t), np.abs(future.frame - t)
    nearer = np.where(span_future != span_past, span_future < span_past, future.error < past.error)
    seen = np.where(past.synthesised != future.synthesised, past.synthesised, nearer)
    chosen = future.reached & (~past.reached | seen)
    rows = np.flatnonzero(chosen)
    return past.replaced(rows, future.take(rows))


def _inside(position: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    x, y = position.T
    return (x >= 0) & (y >= 0) & (x <= size[1] - 1) & (y <= size[0] - 1)


def _corners(position: np.ndarray, size: tuple[int, int]) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """The four pixels around each position (inside the frame): x, y, weight."""
    low = np.floor(position).astype(np.intp)
    part = position - low
    for dy in (0, 1):
        for dx in (0, 1):
            weight = np.abs(1 - dx - part[:, 0]) * np.abs(1 - dy - part[:, 1])
            yield np.minimum(low[:, 0] + dx, size[1] - 1), np.minimum(low[:, 1] + dy, size[0] - 1), weight


def _bilinear(field: np.ndarray, position: np.ndarray) -> np.ndarray:
    """float32 (H, W, C) at (x, y) positions (n, 2); outside, the nearest border value."""
    size = (field.shape[0], field.shape[1])
    position = np.clip(position, 0, np.array([size[1] - 1, size[0] - 1], np.float32))
    rows, total = field.reshape(-1, field.shape[2]), np.zeros((len(position), field.shape[2]))
    for x, y, weight in _corners(position, size):
        total += weight[:, None] * np.take(rows, y * size[1] + x, axis=0)
    return total
