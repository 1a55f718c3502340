"""The modes `static` and `registered`: every covered place is filled with what it shows at another moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from maskreel.inpaint.painting.image_inpainter import ClassicalInpainter
from maskreel.inpaint.painting.patch_inpainter import PatchInpainter
from maskreel.inpaint.painting.repainting import Repainter
from maskreel.inpaint.running.mask_stage import columns, load_future, load_memories, plate_path
from maskreel.inpaint.scene.canvas import Canvas
from maskreel.inpaint.scene.clean_plate import CleanPlate
from maskreel.inpaint.scene.memories import hand_on
from maskreel.inpaint.scene.temporal_fill import fill_columns

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from maskreel.inpaint.painting.image_inpainter import ImageInpainter
    from maskreel.inpaint.running.chunks import Chunk
    from maskreel.inpaint.scene.canvas import Laid
    from maskreel.inpaint.scene.memories import SparseMemory
    from maskreel.inpaint.scene.temporal_fill import Memory, Reveal

__all__ = ["PlateFill", "TemporalMode"]

_BLOCK = 16384  # places filled at a time: their memories fit in the processor's cache


@dataclass(frozen=True)
class _Filled:
    """The wanted places of some frames: for each frame, colours float32 (3, n) and confidence float32 (n,)."""

    places: list[np.ndarray]
    colours: list[np.ndarray]
    confidence: list[np.ndarray]


class PlateFill:
    """Fills frames of one shot that are laid on its canvas.

    Args:
        canvas: of the shot.
        plate: what the whole shot shows.
        tolerance: grey levels within which two samples show the same thing.
        reveal: which moment to copy from, see `fill_columns`.
        inpainter: paints what is never seen, once, on the clean plate. Single frames, where they must be (see
            `Repainter`), are painted by what patches begin with, or else by fast marching.
    """

    def __init__(
        self, canvas: Canvas, plate: CleanPlate, *, tolerance: float, reveal: Reveal, inpainter: ImageInpainter
    ) -> None:
        self._canvas = canvas
        self._tolerance = tolerance
        self._reveal: Reveal = reveal
        self._plate = plate.completed(inpainter)
        quick = inpainter.first if isinstance(inpainter, PatchInpainter) else ClassicalInpainter()
        self._repainter = Repainter(self._plate, quick)

    def fill(
        self, laid: Laid, start: int, past: SparseMemory, future: SparseMemory
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Fill consecutive frames; see `TemporalMode.fill`.

        Args:
            laid: the frames.
            start: index, in the video, of the first of them.
            past: what the frames before them show.
            future: what the frames after them show.
        """
        filled = self._fill_places(laid, start, past, future)
        for t in range(len(laid.frames)):
            image = laid.frames[t].copy()
            confidence = np.ones(image.shape[:2], np.float32)
            image.reshape(-1, 3)[filled.places[t]] = np.round(filled.colours[t].T)
            confidence.reshape(-1)[filled.places[t]] = filled.confidence[t]
            never = confidence == 0
            image = self._repainter(image, never, laid.known[t], laid.wanted[t] & ~never)
            yield self._canvas.lift(image, start + t), self._canvas.lift_values(confidence, start + t)

    def _fill_places(self, laid: Laid, start: int, past: SparseMemory, future: SparseMemory) -> _Filled:
        wanted_somewhen = np.flatnonzero(laid.wanted.any(axis=0))
        blocks = [wanted_somewhen[k : k + _BLOCK] for k in range(0, len(wanted_somewhen), _BLOCK)]
        parts = [self._fill_block(laid, start, places, past.at(places), future.at(places)) for places in blocks]
        return _Filled(*(_join(parts, field, len(laid.frames)) for field in ("places", "colours", "confidence")))

    def _fill_block(self, laid: Laid, start: int, places: np.ndarray, past: Memory, future: Memory) -> _Filled:
        colours, known = columns(laid, places)
        wanted = np.stack([frame.reshape(-1)[places] for frame in laid.wanted])
        times = np.arange(start, start + len(laid.frames))
        tolerance, reveal = self._tolerance, self._reveal
        filled, confidence = fill_columns(
            colours, known, wanted, times, past, future, tolerance=tolerance, reveal=reveal
        )
        covered, plate = [places[frame] for frame in wanted], self._plate.reshape(-1, 3)
        for where, colour, sure in zip(covered, filled, confidence, strict=True):
            never = sure == 0
            colour[:, never] = plate[where[never]].T
        return _Filled(covered, filled, confidence)


class TemporalMode:
    """Fills the chunks of one shot, in order; the first ones may be left out.

    Args:
        chunks: all chunks of the shot.
        size: (height, width) of the frames.
        masks: the folder of the finished mask stage.
        tolerance, reveal, inpainter: see `PlateFill`.
    """

    def __init__(
        self,
        chunks: tuple[Chunk, ...],
        size: tuple[int, int],
        masks: Path,
        *,
        tolerance: float,
        reveal: Reveal,
        inpainter: ImageInpainter,
    ) -> None:
        self._canvas, plate = Canvas(chunks[0].shot, size), CleanPlate.load(plate_path(masks, chunks[0]))
        self._filler = PlateFill(self._canvas, plate, tolerance=tolerance, reveal=reveal, inpainter=inpainter)
        self._masks = masks
        self._pasts = zip(chunks, hand_on(load_memories(masks, chunk, "tail") for chunk in chunks[:-1]), strict=True)

    def window(self, chunk: Chunk) -> tuple[int, int]:
        """The half-open range of frames that `fill` needs."""
        return chunk.start, chunk.stop

    def fill(self, chunk: Chunk, frames: np.ndarray, holes: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Fill a chunk.

        Args:
            chunk: the chunk.
            frames: uint8 (T, H, W, 3) RGB, its frames.
            holes: bool (T, H, W), the pixels to fill.

        Yields:
            For each frame, an image uint8 (H, W, 3) to be used in the holes, and the confidence float32 (H, W) in it:
            1 where past and future agree, 0 where the place is never seen.
        """
        laid = self._canvas.lay(frames, holes, chunk.start)
        past = next(past for before, past in self._pasts if before.index == chunk.index)
        yield from self._filler.fill(laid, chunk.start, past, load_future(self._masks, chunk))


def _join(parts: list[_Filled], field: str, frames: int) -> list[np.ndarray]:
    """Put the blocks of every frame together again."""
    if not parts:
        empty = {"places": np.zeros(0, np.int64), "colours": np.zeros((3, 0)), "confidence": np.zeros(0)}
        return [empty[field]] * frames
    return [np.concatenate([getattr(part, field)[t] for part in parts], axis=-1) for t in range(frames)]
