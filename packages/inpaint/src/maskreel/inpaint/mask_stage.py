"""Second stage of a job: masks for every frame, and what each chunk knows that its neighbours will need.

One .npz file per chunk holds the masks, packed to bits, and the chunk's memories at the places covered at its borders.
A chunk whose file exists is done. When all chunks of a shot are done, one pass from the last to the first hands on
what lies ahead of each of them, to files again, so that memory does not grow with the video.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from maskreel.common import masks as mask_ops
from maskreel.common.atomic import atomic_path
from maskreel.inpaint.canvas import Canvas
from maskreel.inpaint.clean_plate import CleanPlate
from maskreel.inpaint.mask_refinement import fill_between
from maskreel.inpaint.memories import SparseMemory, hand_on
from maskreel.inpaint.reading import ForwardReader
from maskreel.inpaint.temporal_fill import remember

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from maskreel.inpaint.canvas import Laid
    from maskreel.inpaint.chunks import Chunk
    from maskreel.inpaint.mask_refinement import MaskRefinement
    from maskreel.inpaint.segmentation import Segmenter

__all__ = ["MaskStage", "columns", "load_future", "load_masks", "load_memories", "plate_path"]


@dataclass
class MaskStage:
    """Makes the masks of a video, chunk by chunk."""

    folder: Path
    """Where the chunks' files go."""
    source: Path
    """The video."""
    size: tuple[int, int]
    """(height, width) of its frames."""
    segmenter: Segmenter
    refinement: MaskRefinement
    stride: int
    """Every how many frames the segmenter is asked; those between get the union of their neighbours."""
    feather: float
    """Width of the soft edge around masks, in pixels; its pixels count as covered."""
    tolerance: float
    """Grey levels within which two samples show the same thing."""

    def run(self, chunks: tuple[Chunk, ...], advance: Callable[[int], object]) -> None:
        """Do all chunks that are not done; `advance` is told of the frames of each chunk."""
        reader = ForwardReader(self.source)
        canvas, plate = None, None
        for chunk in chunks:
            if chunk.start == chunk.shot.start:
                canvas, plate = None, None
            if chunk.shot.mode != "flow" and (canvas is None or plate is None):
                canvas = Canvas(chunk.shot, self.size)
                plate = self._resumed_plate(chunk, canvas)
            if not self._is_done(chunk, plate):
                self._run_chunk(chunk, reader, canvas, plate)
            if chunk.stop == chunk.shot.stop and chunk.shot.mode != "flow":
                self._look_back(tuple(c for c in chunks if c.shot is chunk.shot))
            advance(chunk.stop - chunk.start)

    def _resumed_plate(self, chunk: Chunk, canvas: Canvas) -> CleanPlate:
        path = plate_path(self.folder, chunk)
        return CleanPlate.load(path) if path.exists() else CleanPlate(canvas.size)

    def _is_done(self, chunk: Chunk, plate: CleanPlate | None) -> bool:
        return _chunk_path(self.folder, chunk).exists() and (plate is None or plate.chunks > chunk.index)

    def _run_chunk(self, chunk: Chunk, reader: ForwardReader, canvas: Canvas | None, plate: CleanPlate | None) -> None:
        start, stop = chunk.around(1, 1)  # the frames before and after tell which places the neighbours need
        masks, needed = self._refined(chunk, reader, start, stop)
        inner = slice(chunk.start - start, chunk.stop - start)
        arrays = {"masks": np.packbits(masks[inner].numpy(), axis=-1)}
        laid = None
        if canvas is not None:
            frames = reader.window(needed, stop)[start - needed :].numpy()  # the next chunk may need them from there on
            holes = mask_ops.dilate(masks, self.feather).numpy()
            laid = canvas.lay(frames, holes, start)
            arrays |= self._border_memories(laid, inner, start)
        with atomic_path(_chunk_path(self.folder, chunk)) as scratch:
            np.savez_compressed(scratch, **arrays)  # pyright: ignore[reportArgumentType]
        if plate is not None and laid is not None:
            plate.add(_part(laid, inner))
            plate.chunks = chunk.index + 1
            plate.save(plate_path(self.folder, chunk))

    def _refined(self, chunk: Chunk, reader: ForwardReader, start: int, stop: int) -> tuple[torch.Tensor, int]:
        """The masks of frames `start` to `stop`, bool (T, H, W), and the first frame that was needed for them."""
        context, origin = self.refinement.context, chunk.shot.start
        first, last = max(origin, start - context), min(chunk.shot.stop, stop + context)
        needed = origin + (first - origin) // self.stride * self.stride
        marked = self._marked(chunk, reader, needed, last)
        return self.refinement(marked, start - needed, stop - needed), needed

    def _marked(self, chunk: Chunk, reader: ForwardReader, first: int, last: int) -> torch.Tensor:
        """What the segmenter marks on frames `first` to `last`, asked on every `stride`-th frame from `first` on."""
        if self.stride == 1:
            return self.segmenter(reader.window(first, last), first)
        asked = list(range(first, last, self.stride))
        if asked[-1] < last - 1:  # the frames after the last one asked need a neighbour on their other side
            asked.append(min(asked[-1] + self.stride, chunk.shot.stop - 1))
        window = reader.window(asked[0], asked[-1] + 1)
        marks = [self.segmenter(window[t - asked[0] : t - asked[0] + 1], t) for t in asked]
        pieces = [marks[0]]
        for k in range(1, len(asked)):
            pieces += [fill_between(marks[k - 1][0], marks[k][0], asked[k] - asked[k - 1] - 1), marks[k]]
        return torch.cat(pieces)[: last - first]

    def _border_memories(self, laid: Laid, inner: slice, start: int) -> dict[str, np.ndarray]:
        """What the chunk tells the chunk before it (its head) and the one after it (its tail)."""
        times = np.arange(start + inner.start, start + inner.stop)
        inside = _part(laid, inner)
        arrays: dict[str, np.ndarray] = {}
        if inner.start > 0:
            arrays |= self._memory(_part(inside, slice(None, None, -1)), laid.known[0], times[::-1]).to_arrays("head")
        if inner.stop < len(laid.known):
            arrays |= self._memory(inside, laid.known[-1], times).to_arrays("tail")
        return arrays

    def _look_back(self, chunks: tuple[Chunk, ...]) -> None:
        """Write, for every chunk of a shot, what the chunks after it show; the first chunk's file comes last."""
        if _future_path(self.folder, chunks[0]).exists():
            return
        heads = (load_memories(self.folder, chunk, "head") for chunk in chunks[:0:-1])
        for chunk, future in zip(reversed(chunks), hand_on(heads), strict=True):
            with atomic_path(_future_path(self.folder, chunk)) as scratch:
                np.savez_compressed(scratch, **future.to_arrays("future"))  # pyright: ignore[reportArgumentType]

    def _memory(self, laid: Laid, neighbour_known: np.ndarray, times: np.ndarray) -> SparseMemory:
        places = np.flatnonzero(~neighbour_known)
        colours, known = columns(laid, places)
        return SparseMemory(places, remember(colours, known, times, tolerance=self.tolerance))


def columns(laid: Laid, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Some places over time: uint8 (T, 3, K) colours, and bool (T, K) where they are known."""
    colours = np.stack([frame.reshape(-1, 3)[places].T for frame in laid.frames])
    return colours, np.stack([known.reshape(-1)[places] for known in laid.known])


def load_masks(folder: Path, chunk: Chunk, size: tuple[int, int]) -> torch.Tensor:
    """The masks of a chunk: bool (T, H, W)."""
    with np.load(_chunk_path(folder, chunk), allow_pickle=False) as file:
        bits = np.unpackbits(file["masks"], axis=-1, count=size[1])
    return torch.from_numpy(bits.view(bool))


def load_memories(folder: Path, chunk: Chunk, name: str) -> SparseMemory:
    """What a chunk tells its neighbours: `name` is "head" or "tail"."""
    with np.load(_chunk_path(folder, chunk), allow_pickle=False) as file:
        return SparseMemory.from_arrays(file, name)


def load_future(folder: Path, chunk: Chunk) -> SparseMemory:
    """What the chunks after a chunk show, at the places that it ends with covered."""
    with np.load(_future_path(folder, chunk), allow_pickle=False) as file:
        return SparseMemory.from_arrays(file, "future")


def plate_path(folder: Path, chunk: Chunk) -> Path:
    """Where the clean plate of the chunk's shot is kept."""
    return folder / f"plate-{chunk.shot.start:08d}.npz"


def _chunk_path(folder: Path, chunk: Chunk) -> Path:
    return folder / f"{chunk.index:06d}.npz"


def _future_path(folder: Path, chunk: Chunk) -> Path:
    return folder / f"{chunk.index:06d}.future.npz"


def _part(laid: Laid, frames: slice) -> Laid:
    return type(laid)(laid.frames[frames], laid.known[frames], laid.wanted[frames])
