"""Flow and occlusion between two frames: every part moves by its own affine map, and is asked what covers it then."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from maskreel.common.world._actors._canvas import bounds, inside_sprite, into_sprite
from maskreel.common.world._actors._wardrobe import PARTS
from maskreel.common.world._part_motion import compose_affine, destinations, flow_to, inverse_affine, outside

if TYPE_CHECKING:
    from maskreel.common.world._actors._stage import PlacedPart


@dataclass(frozen=True)
class Moment:
    """A frame, seen as parts that move."""

    camera: np.ndarray
    """float64 (3, 3): from pixels of the still view to pixels of this frame."""
    placed: list[PlacedPart]
    """From back to front."""
    parts: np.ndarray
    """int64 (H, W): number of the part that a pixel shows, 0 for the background."""

    def ranks(self, actors: int) -> np.ndarray:
        """int64: for every part number its place from back (1) to front; 0 for the background."""
        ranks = np.zeros(1 + actors * len(PARTS), np.int64)
        ranks[[part.number for part in self.placed]] = np.arange(1, len(self.placed) + 1)
        return ranks

    def frontmost(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """int64 (n,): rank of the part in front at positions (n,) of the frame, 0 for the background."""
        found = np.zeros(len(x), np.int64)
        for rank, part in enumerate(self.placed, 1):
            x0, y0, x1, y1 = bounds(part)
            near = np.flatnonzero((y >= y0) & (y <= y1) & (x >= x0) & (x <= x1))
            column, row = into_sprite(part, x[near], y[near])
            within = np.flatnonzero(inside_sprite(part, column, row))
            filled = part.sprite.covers(column[within], row[within])
            found[near[within[filled]]] = rank
        return found


def motion(here: Moment, there: Moment, actors: int) -> tuple[np.ndarray, np.ndarray]:
    """Flow float32 (2, H, W) from one frame to another, and bool (H, W): where its end is hidden or outside."""
    moves = np.tile(compose_affine(there.camera, inverse_affine(here.camera)), (1 + actors * len(PARTS), 1, 1))
    for a, b in zip(*(sorted(moment.placed, key=lambda part: part.number) for moment in (here, there)), strict=True):
        moves[a.number] = compose_affine(b.to_frame, a.from_frame)
    x, y = destinations(here.parts, moves)
    asked = np.flatnonzero(here.parts)
    if np.array_equal(here.camera, there.camera):
        hidden = there.parts.ravel() > 0  # what stays in place is hidden by what its pixel shows
    else:
        hidden = np.zeros(x.size, bool)
        asked = _near_people(x, y, there.parts)
    rank = there.ranks(actors)[here.parts.ravel()[asked]]
    hidden[asked] = there.frontmost(x.ravel()[asked], y.ravel()[asked]) > rank
    return flow_to(x, y), hidden.reshape(x.shape) | outside(x, y, x.shape)


def _near_people(x: np.ndarray, y: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """Flat indices of the positions (H, W) within about a pixel of one that shows a part: others nothing can hide."""
    height, width = parts.shape
    near = np.pad(parts > 0, 1)
    near = near[:-2] | near[1:-1] | near[2:]
    near = near[:, :-2] | near[:, 1:-1] | near[:, 2:]
    column = np.clip(np.rint(x), 0, width - 1).astype(np.int64)
    row = np.clip(np.rint(y), 0, height - 1).astype(np.int64)
    return np.flatnonzero(near.ravel().take(row * width + column))
