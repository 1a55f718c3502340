"""What lies before and after each chunk: memories that cross chunks, kept only for the places that need them.

A place needs the past of a chunk only if it is covered in the chunk's first frame, and the future only if it is
covered in the last. So every chunk stores, at the places covered at its borders, what it can tell its neighbours, and
one pass over these small arrays, forward and backward, hands the memories on through chunks that never saw the place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from maskreel.inpaint.scene.temporal_fill import Memory

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["SparseMemory", "hand_on"]


@dataclass
class SparseMemory:
    """A memory of some places of a canvas."""

    places: np.ndarray
    """int64 (K,): rising flat indices into the canvas."""
    memory: Memory

    @classmethod
    def blank(cls) -> SparseMemory:
        """No places."""
        return cls(np.zeros(0, np.int64), Memory.blank(0))

    def at(self, places: np.ndarray) -> Memory:
        """The memory of `places`, int64 (N,): blank where nothing is stored."""
        result = Memory.blank(len(places))
        if len(self.places):
            position = np.minimum(np.searchsorted(self.places, places), len(self.places) - 1)
            hit = self.places[position] == places
            result[hit] = self.memory[position[hit]]
        return result

    def to_arrays(self, name: str) -> dict[str, np.ndarray]:
        """Compact arrays for an .npz file; colours are rounded to grey levels."""
        return {
            f"{name}_places": self.places.astype(np.int32),
            f"{name}_colour": np.round(self.memory.colour).astype(np.uint8),
            f"{name}_count": self.memory.count.astype(np.uint8),
            f"{name}_time": self.memory.time.astype(np.int32),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray], name: str) -> SparseMemory:
        """What `to_arrays` made."""
        colour, count, time = (arrays[f"{name}_{field}"].astype(np.float32) for field in ("colour", "count", "time"))
        return cls(arrays[f"{name}_places"].astype(np.int64), Memory(colour, count, time))


def hand_on(told: Iterable[SparseMemory]) -> Iterator[SparseMemory]:
    """What each chunk of a shot knows of the chunks before it; one memory is held at a time.

    Args:
        told: for every chunk but the last, what it tells the next one, at the places that the next one needs. Hand over
            in reverse order, told to the one before, for the future.

    Yields:
        One memory per chunk, the first of them blank.
    """
    known = SparseMemory.blank()
    yield known
    for part in told:
        memory = part.memory.copy()
        unknown = memory.count == 0
        memory[unknown] = known.at(part.places[unknown])
        known = SparseMemory(part.places, memory)
        yield known
