"""Fill a covered pixel with what the same place shows at another moment.

Works on columns: K places, each seen over T frames. Going forward in time, every place remembers what it looked like
when it was last uncovered; going backward, what it will look like when it is next uncovered. The two memories are
running means over the most recent samples that agree, which takes the noise of single frames out, and a new look is
believed only once three samples in a row show it, so a shadow or a badly masked edge just before the pixel gets
covered is not remembered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

__all__ = ["Memory", "Reveal", "fill_columns", "remember"]

Reveal = Literal["auto", "past", "future", "nearest"]

_LONGEST_MEAN = 12  # samples
_BELIEVED = 3  # samples in a row that make a new look

CONFIDENCE_BOTH = 1.0
CONFIDENCE_ONE_SIDED = 0.7
CONFIDENCE_CHANGED = 0.4


@dataclass
class Memory:
    """What K places looked like when they were last (or next) uncovered."""

    colour: np.ndarray
    """float32 (3, K), grey levels; planar, because sums over the last axis of a (K, 3) array are slow."""
    count: np.ndarray
    """float32 (K,): samples in the mean; 0 where the place has not been uncovered."""
    time: np.ndarray
    """float32 (K,): index of the frame of the last sample."""

    @classmethod
    def blank(cls, places: int) -> Memory:
        """No place has been seen yet."""
        return cls(np.zeros((3, places), np.float32), np.zeros(places, np.float32), np.zeros(places, np.float32))

    def __getitem__(self, places: np.ndarray | slice) -> Memory:
        return Memory(self.colour[:, places], self.count[places], self.time[places])

    def __setitem__(self, places: np.ndarray | slice, other: Memory) -> None:
        self.colour[:, places], self.count[places], self.time[places] = other.colour, other.count, other.time

    def copy(self) -> Memory:
        """An independent copy."""
        return Memory(self.colour.copy(), self.count.copy(), self.time.copy())


class _Recorder:
    """Updates a memory frame by frame."""

    def __init__(self, memory: Memory, tolerance: float) -> None:
        self.memory = memory
        self._tolerance = tolerance
        self._rival = np.zeros_like(memory.colour)
        self._rival_count = np.zeros_like(memory.count)

    def add(self, colour: np.ndarray, known: np.ndarray, time: int) -> None:
        """Take in one frame: float32 (3, K), bool (K,) where the place is uncovered."""
        memory = self.memory
        delta = colour - memory.colour
        far = np.abs(delta).max(axis=0) > self._tolerance
        agrees = known & (~far | (memory.count == 0))
        memory.count += agrees
        np.minimum(memory.count, _LONGEST_MEAN, out=memory.count)
        delta *= agrees / np.maximum(memory.count, np.float32(1))
        memory.colour += delta
        memory.time[known] = time
        self._rival_count[agrees] = 0
        self._hear_rivals(colour, np.flatnonzero(known & ~agrees))

    def _hear_rivals(self, colour: np.ndarray, places: np.ndarray) -> None:
        """Places that look different now: believe the new look once it has shown itself often enough."""
        if not len(places):
            return
        now, rival, count = colour[:, places], self._rival[:, places], self._rival_count[places]
        same = (np.abs(now - rival).max(axis=0) <= self._tolerance) & (count > 0)
        count = np.where(same, count + 1, 1)
        rival = np.where(same, rival + (now - rival) / count, now)
        self._rival[:, places], self._rival_count[places] = rival, count
        won = count >= _BELIEVED
        self.memory.colour[:, places[won]] = rival[:, won]
        self.memory.count[places[won]] = count[won]
        self._rival_count[places[won]] = 0


def remember(
    colours: np.ndarray, known: np.ndarray, times: np.ndarray, *, tolerance: float, memory: Memory | None = None
) -> Memory:
    """What K places look like at the end of some frames; hand the frames over backward to look into the future.

    Args:
        colours: uint8 (T, 3, K).
        known: bool (T, K): where a place is uncovered and inside the picture.
        times: int (T,): index of each frame.
        tolerance: grey levels within which two samples show the same thing.
        memory: what was remembered before; left unchanged.
    """
    recorder = _Recorder(Memory.blank(colours.shape[2]) if memory is None else memory.copy(), tolerance)
    for frame, uncovered, time in zip(colours, known, times, strict=True):
        recorder.add(frame.astype(np.float32), uncovered, int(time))
    return recorder.memory


def fill_columns(
    colours: np.ndarray,
    known: np.ndarray,
    wanted: np.ndarray,
    times: np.ndarray,
    past: Memory,
    future: Memory,
    *,
    tolerance: float,
    reveal: Reveal = "auto",
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Fill the wanted places of every frame.

    Args:
        colours: uint8 (T, 3, K).
        known: bool (T, K): where a place is uncovered and inside the picture.
        wanted: bool (T, K): the places to fill; disjoint from `known`.
        times: int (T,): index of each frame, rising.
        past: memory of the frames before these.
        future: memory of the frames after these.
        tolerance: grey levels within which two samples show the same thing.
        reveal: which moment to copy from. "past" and "future" prefer that side, "nearest" the side nearer in time.
            "auto" lets past and future fade into each other where they agree, and takes the future where the place has
            changed while it was covered, so that writing shows as soon as the writer stands before it.

    Returns:
        Two lists of T arrays over the wanted places of a frame, in order: float32 (3, n) colours, and float32 (n,)
        confidence, 0 where the place is never uncovered.
    """
    looks_back: list[Memory] = []
    recorder = _Recorder(past.copy(), tolerance)
    for t in range(len(colours)):
        looks_back.append(recorder.memory[wanted[t]])
        recorder.add(colours[t].astype(np.float32), known[t], int(times[t]))
    filled: list[np.ndarray] = []
    confidence: list[np.ndarray] = []
    recorder = _Recorder(future.copy(), tolerance)
    for t in reversed(range(len(colours))):
        looks_ahead = recorder.memory[wanted[t]]
        colour, sure = _choose(looks_back[t], looks_ahead, int(times[t]), tolerance, reveal)
        filled.append(colour)
        confidence.append(sure)
        recorder.add(colours[t].astype(np.float32), known[t], int(times[t]))
    return filled[::-1], confidence[::-1]


def _choose(past: Memory, future: Memory, time: int, tolerance: float, reveal: Reveal) -> tuple[np.ndarray, np.ndarray]:
    has_past, has_future = past.count > 0, future.count > 0
    both = has_past & has_future
    changed = np.abs(past.colour - future.colour).max(axis=0) > tolerance
    since, until = time - past.time, future.time - time
    if reveal == "nearest":
        weight = (until < since).astype(np.float32)
    elif reveal == "auto":
        weight = np.where(changed, 1, since / np.maximum(since + until, 1)).astype(np.float32)
    else:
        weight = np.full(len(changed), reveal == "future", np.float32)
    weight = np.where(both, weight, has_future.astype(np.float32))
    confidence = np.where(both, np.where(changed, CONFIDENCE_CHANGED, CONFIDENCE_BOTH), CONFIDENCE_ONE_SIDED)
    confidence[~has_past & ~has_future] = 0
    return past.colour * (1 - weight) + future.colour * weight, confidence.astype(np.float32)
