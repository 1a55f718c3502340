"""Second stage of a job: masks for every frame, and what each chunk knows that its neighbours will need.

One .npz file per chunk holds the masks, packed to bits, and the chunk's memories at the places covered at its borders.
A chunk whose file exists is done. When all chunks of a shot are done, one pass from the last to the first hands on
what lies ahead of each of them, to files again, so that memory does not grow with the video.

No chunk needs another, so any part of the chunks can be done by any process. Each part collects a clean plate of its
own; put together in the order of time they are the plate that one process would have collected.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np
import torch

from maskreel.common import masks as mask_ops
from maskreel.common.array_file import read_npz, write_npz
from maskreel.inpaint.running.reading import ForwardReader
from maskreel.inpaint.scene.canvas import Canvas
from maskreel.inpaint.scene.clean_plate import CleanPlate
from maskreel.inpaint.scene.memories import SparseMemory, hand_on
from maskreel.inpaint.scene.temporal_fill import remember
from maskreel.inpaint.segmenters.refinement import fill_between

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from maskreel.common.video import Clip
    from maskreel.inpaint.running.chunks import Chunk
    from maskreel.inpaint.scene.canvas import Laid
    from maskreel.inpaint.segmenters.protocol import Segmenter
    from maskreel.inpaint.segmenters.refinement import MaskRefinement

__all__ = [
    "FinishedMasks",
    "MaskStage",
    "columns",
    "is_done",
    "join_parts",
    "load_future",
    "load_masks",
    "load_memories",
    "plate_path",
]


@dataclass
class _Ground:
    """What the chunks of one part of a shot share."""

    canvas: Canvas
    plate: CleanPlate
    path: Path
    """Where the plate is kept."""

    @classmethod
    def of(cls, part: tuple[Chunk, ...], folder: Path, size: tuple[int, int]) -> _Ground:
        canvas, path = Canvas(part[0].shot, size), _part_path(folder, part)
        return cls(canvas, CleanPlate.load(path) if path.exists() else CleanPlate(canvas.size), path)

    def add(self, laid: Laid, moving: np.ndarray | None, chunk: Chunk) -> None:
        self.plate.add(laid, None if moving is None else self.canvas.covered(moving, chunk.start))
        self.plate.chunks = chunk.index + 1
        self.plate.save(self.path)


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
    passing: Segmenter | None = None
    """Marks what moves, and is not to be on clean plates where that can be helped; None: nothing but what is masked."""

    def run(self, chunks: tuple[Chunk, ...], advance: Callable[[int], object]) -> None:
        """Do all chunks that are not done; `advance` is told of the frames of each chunk."""
        self.run_part(chunks, advance)
        join_parts(self.folder, chunks, (range(len(chunks)),))

    def run_part(self, chunks: tuple[Chunk, ...], advance: Callable[[int], object]) -> None:
        """Do those of some consecutive chunks that are not done; other processes may do the others meanwhile."""
        reader = ForwardReader(self.source, stop=chunks[-1].shot.stop)
        for part in _by_shot(chunks):
            ground = _Ground.of(part, self.folder, self.size) if part[0].shot.has_canvas else None
            for chunk in part:
                if not is_done(self.folder, chunk):
                    self._run_chunk(chunk, reader, ground)
                elif ground is not None and ground.plate.chunks <= chunk.index:
                    self._add_to_plate(chunk, reader, ground)
                advance(chunk.stop - chunk.start)

    def _run_chunk(self, chunk: Chunk, reader: ForwardReader, ground: _Ground | None) -> None:
        start, stop = chunk.around(1, 1)  # the frames before and after tell which places the neighbours need
        masks = self._refined(chunk, reader, start, stop)
        inner = slice(chunk.start - start, chunk.stop - start)
        arrays = {"masks": np.packbits(masks[inner].numpy(), axis=-1)}
        laid = None if ground is None else self._laid(masks, reader, ground.canvas, chunk, start)
        if laid is not None:
            arrays |= self._border_memories(laid, inner, start)
        write_npz(_chunk_path(self.folder, chunk), arrays, compress=True)
        if ground is not None and laid is not None:
            self._add_laid(_part(laid, inner), reader, ground, chunk)

    def _add_to_plate(self, chunk: Chunk, reader: ForwardReader, ground: _Ground) -> None:
        """For a chunk that was done by an interrupted run, or in a part that was cut in another way."""
        masks = load_masks(self.folder, chunk, self.size)
        self._add_laid(self._laid(masks, reader, ground.canvas, chunk, chunk.start), reader, ground, chunk)

    def _add_laid(self, laid: Laid, reader: ForwardReader, ground: _Ground, chunk: Chunk) -> None:
        """Add the frames of a chunk to the plate, which must know what moves only where it has nothing calm so far."""
        moving = None
        if self.passing is not None and (laid.known & ~ground.plate.calm).any():
            needed, _ = self._needed(chunk)
            moving = self.passing(reader.window(needed, chunk.stop)[chunk.start - needed :], chunk.start).numpy()
        ground.add(laid, moving, chunk)

    def _laid(self, masks: torch.Tensor, reader: ForwardReader, canvas: Canvas, chunk: Chunk, start: int) -> Laid:
        """The frames of `masks`, from index `start` on, on the canvas."""
        needed, _ = self._needed(chunk)  # the next chunk may need frames from there on
        frames = reader.window(needed, start + len(masks))[start - needed :].numpy()
        return canvas.lay(frames, mask_ops.dilate(masks, self.feather).numpy(), start)

    def _refined(self, chunk: Chunk, reader: ForwardReader, start: int, stop: int) -> torch.Tensor:
        """The masks of frames `start` to `stop`, bool (T, H, W)."""
        needed, last = self._needed(chunk)
        marked = self._marked(chunk, reader, needed, last)
        return self.refinement(marked, start - needed, stop - needed)

    def _needed(self, chunk: Chunk) -> tuple[int, int]:
        """The frames that a chunk's masks, and those of the frames before and after it, depend on, half-open."""
        first, last = chunk.around(1 + self.refinement.context, 1 + self.refinement.context)
        return chunk.shot.start + (first - chunk.shot.start) // self.stride * self.stride, last

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

    def _memory(self, laid: Laid, neighbour_known: np.ndarray, times: np.ndarray) -> SparseMemory:
        places = np.flatnonzero(~neighbour_known)
        colours, known = columns(laid, places)
        return SparseMemory(places, remember(colours, known, times, tolerance=self.tolerance))


@dataclass(frozen=True)
class FinishedMasks:
    """The masks that a stage has left, frame by frame. A `Segmenter`."""

    folder: Path
    """Of the stage."""
    chunks: tuple[Chunk, ...]
    """Of the video, in order; those that are asked for must be done."""
    size: tuple[int, int]
    """(height, width) of the frames."""

    def __call__(self, clip: Clip, start: int) -> torch.Tensor:
        """The masks of the frames from index `start` on: bool (T, H, W)."""
        return self.between(start, start + len(clip))

    def between(self, start: int, stop: int) -> torch.Tensor:
        """The masks of frames `start` to `stop`: bool (T, H, W)."""
        touched = [chunk for chunk in self.chunks if chunk.start < stop and chunk.stop > start]
        masks = torch.cat([load_masks(self.folder, chunk, self.size) for chunk in touched])
        return masks[start - touched[0].start : stop - touched[0].start]


def is_done(folder: Path, chunk: Chunk) -> bool:
    """Whether the masks of a chunk are there."""
    return _chunk_path(folder, chunk).exists()


def join_parts(folder: Path, chunks: tuple[Chunk, ...], parts: Sequence[range]) -> None:
    """Put together what `MaskStage.run_part` has left, when all chunks are done.

    Args:
        folder: where it is.
        chunks: all chunks of the video.
        parts: which of them were given to one `run_part`, in order and without gaps.
    """
    for of_shot in _by_shot(chunks):
        if of_shot[0].shot.has_canvas:
            _join_plates(folder, of_shot, [chunks[part.start : part.stop] for part in parts])
            _look_back(folder, of_shot)


def _join_plates(folder: Path, of_shot: tuple[Chunk, ...], parts: list[tuple[Chunk, ...]]) -> None:
    """The plate of a whole shot from those of its parts."""
    target = plate_path(folder, of_shot[0])
    if target.exists() and CleanPlate.load(target).chunks > of_shot[-1].index:
        return
    within = [tuple(chunk for chunk in part if chunk.shot is of_shot[0].shot) for part in parts]
    plates = (CleanPlate.load(_part_path(folder, part)) for part in within if part)
    joined = next(plates)
    for plate in plates:
        joined.extend(plate)
    joined.save(target)
    for path in folder.glob(f"{target.stem}.*.npz"):
        path.unlink()


def _look_back(folder: Path, chunks: tuple[Chunk, ...]) -> None:
    """Write, for every chunk of a shot, what the chunks after it show; the first chunk's file comes last."""
    if _future_path(folder, chunks[0]).exists():
        return
    heads = (load_memories(folder, chunk, "head") for chunk in chunks[:0:-1])
    for chunk, future in zip(reversed(chunks), hand_on(heads), strict=True):
        write_npz(_future_path(folder, chunk), future.to_arrays("future"), compress=True)


def columns(laid: Laid, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Some places over time: uint8 (T, 3, K) colours, and bool (T, K) where they are known."""
    colours = np.stack([frame.reshape(-1, 3)[places].T for frame in laid.frames])
    return colours, np.stack([known.reshape(-1)[places] for known in laid.known])


def load_masks(folder: Path, chunk: Chunk, size: tuple[int, int]) -> torch.Tensor:
    """The masks of a chunk: bool (T, H, W)."""
    bits = np.unpackbits(read_npz(_chunk_path(folder, chunk))["masks"], axis=-1, count=size[1])
    return torch.from_numpy(bits.view(bool))


def load_memories(folder: Path, chunk: Chunk, name: str) -> SparseMemory:
    """What a chunk tells its neighbours: `name` is "head" or "tail"."""
    return SparseMemory.from_arrays(read_npz(_chunk_path(folder, chunk)), name)


def load_future(folder: Path, chunk: Chunk) -> SparseMemory:
    """What the chunks after a chunk show, at the places that it ends with covered."""
    return SparseMemory.from_arrays(read_npz(_future_path(folder, chunk)), "future")


def plate_path(folder: Path, chunk: Chunk) -> Path:
    """Where the clean plate of the chunk's shot is kept."""
    return folder / f"plate-{chunk.shot.start:08d}.npz"


def _part_path(folder: Path, part: tuple[Chunk, ...]) -> Path:
    """Where the plate of consecutive chunks of one shot is kept."""
    shot, whole = part[0].shot, plate_path(folder, part[0])
    if (part[0].start, part[-1].stop) == (shot.start, shot.stop):
        return whole
    return whole.with_name(f"{whole.stem}.{part[0].index:06d}-{part[-1].index:06d}.npz")


def _by_shot(chunks: tuple[Chunk, ...]) -> list[tuple[Chunk, ...]]:
    return [tuple(of_shot) for _, of_shot in groupby(chunks, key=lambda chunk: chunk.shot.start)]


def _chunk_path(folder: Path, chunk: Chunk) -> Path:
    return folder / f"{chunk.index:06d}.npz"


def _future_path(folder: Path, chunk: Chunk) -> Path:
    return folder / f"{chunk.index:06d}.future.npz"


def _part(laid: Laid, frames: slice) -> Laid:
    return type(laid)(laid.frames[frames], laid.known[frames], laid.wanted[frames])
