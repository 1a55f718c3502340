"""A video in pieces that fit in memory; no piece crosses a cut."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from maskreel.inpaint.scene.survey import FOLLOWED, canvas_box

if TYPE_CHECKING:
    from maskreel.inpaint.scene.survey import Shot, Survey

__all__ = ["Chunk", "can_be_laid", "frames_per_chunk", "plan_chunks"]

_CHUNK_BYTES = 64 << 20
_CANVAS_BYTES = 320 << 20
_SHORTEST_FLOW = 32  # frames; flow works on frames around a chunk too, which short chunks would do over and over


@dataclass(frozen=True)
class Chunk:
    """Frames `start` to `stop` of a shot."""

    index: int
    """Position among all chunks of the video."""
    start: int
    stop: int
    shot: Shot

    def around(self, before: int, after: int) -> tuple[int, int]:
        """The half-open range of the chunk and frames around it, within the shot."""
        return max(self.shot.start, self.start - before), min(self.shot.stop, self.stop + after)


def frames_per_chunk(size: tuple[int, int]) -> int:
    """How many (height, width) frames are worked on at a time."""
    return min(128, max(8, _CHUNK_BYTES // (3 * size[0] * size[1])))


def can_be_laid(shot: Shot, size: tuple[int, int]) -> bool:
    """Whether frames of (height, width) `size` of a shot in mode `flow` may be laid over each other as well: tracked
    corners follow the camera, and the area that it sweeps fits in memory for as many frames as a chunk has."""
    left, top, right, bottom = canvas_box(shot.matrices, size)
    frames = min(shot.stop - shot.start, _longest(shot, size))
    return shot.inliers > FOLLOWED and 3 * (right - left) * (bottom - top) * frames <= _CANVAS_BYTES


def plan_chunks(survey: Survey) -> tuple[Chunk, ...]:
    """Cut every shot into chunks of nearly equal length."""
    chunks: list[Chunk] = []
    for shot in survey.shots:
        count = -(-(shot.stop - shot.start) // _longest(shot, survey.size))
        bounds = [shot.start + k * (shot.stop - shot.start) // count for k in range(count + 1)]
        for start, stop in pairwise(bounds):
            chunks.append(Chunk(len(chunks), start, stop, shot))
    return tuple(chunks)


def _longest(shot: Shot, size: tuple[int, int]) -> int:
    return max(frames_per_chunk(size), _SHORTEST_FLOW if shot.mode == "flow" else 0)
