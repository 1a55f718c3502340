"""Third stage of a job: fill the holes and encode, segment by segment.

A segment is a few chunks long, starts with a key frame and is encoded by itself, so that a killed job loses one
segment at most and the finished file is the same, bit for bit, whether or not it was interrupted. Beside each segment
lies an .npz file with the figures for the report; a segment whose figures exist is done.

A segment in the middle of a shot in mode `flow` goes on from the last frames of the one before it. All others can be
done in any order, by any process.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise, zip_longest
from typing import TYPE_CHECKING

import numpy as np

from maskreel.common import masks as mask_ops
from maskreel.common.video import Clip, write_segment
from maskreel.inpaint.flow.completer import LaplaceCompleter
from maskreel.inpaint.painting.composite import composite
from maskreel.inpaint.painting.seam import level_fill
from maskreel.inpaint.running.figures import Figures, FiguresRecorder
from maskreel.inpaint.running.flow_mode import FlowMode
from maskreel.inpaint.running.mask_stage import FinishedMasks
from maskreel.inpaint.running.parts import propagation_settings
from maskreel.inpaint.running.reading import ForwardReader
from maskreel.inpaint.running.temporal_mode import TemporalMode
from maskreel.inpaint.segmenters.refinement import region_mask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from maskreel.common.video import VideoInfo
    from maskreel.inpaint.config import InpaintConfig
    from maskreel.inpaint.running.chunks import Chunk
    from maskreel.inpaint.running.parts import Parts
    from maskreel.inpaint.running.stages_kept import StagesKept
    from maskreel.inpaint.scene.survey import Shot

__all__ = ["FillStage", "Segment", "group_chunks", "plan_segments"]

_SEGMENT_FRAMES = 120
_CARRY = ".carry.npz"


@dataclass(frozen=True)
class Segment:
    """Consecutive chunks that are encoded together."""

    number: int
    chunks: tuple[Chunk, ...]
    goes_on: bool
    """Whether it needs the end of the segment before it."""

    @property
    def start(self) -> int:
        """Index of the first frame."""
        return self.chunks[0].start

    @property
    def stop(self) -> int:
        """Index after the last frame."""
        return self.chunks[-1].stop


def plan_segments(chunks: tuple[Chunk, ...]) -> tuple[Segment, ...]:
    """Consecutive chunks in groups of at least `_SEGMENT_FRAMES` frames, as far as they go.

    A shot in mode `flow` begins a segment, which then needs none before it.
    """
    ends, start = [], chunks[0].start
    for chunk, following in zip_longest(chunks, chunks[1:]):
        at_flow = following is None or (following.shot.mode == "flow" and following.start == following.shot.start)
        if chunk.stop - start >= _SEGMENT_FRAMES or at_flow:
            ends.append(chunk.index + 1)
            start = chunk.stop
    return group_chunks(chunks, ends)


def group_chunks(chunks: tuple[Chunk, ...], ends: Sequence[int]) -> tuple[Segment, ...]:
    """Segments that end before the chunks of these indices."""
    groups = [chunks[first:last] for first, last in pairwise([0, *ends])]
    return tuple(
        Segment(number, group, group[0].shot.mode == "flow" and group[0].start > group[0].shot.start)
        for number, group in enumerate(groups)
    )


@dataclass
class FillStage:
    """Fills and encodes a video."""

    folder: Path
    """Where segments go."""
    masks: Path
    """The folder of the finished mask stage."""
    laid: Path
    """That of what shots show which are laid anew; see `Pipeline.lay_anew`."""
    info: VideoInfo
    """The source."""
    config: InpaintConfig
    chunks: tuple[Chunk, ...]
    """All chunks of the video."""
    tolerance: float
    """Grey levels within which two samples show the same thing."""
    parts: Parts
    """Loaded for all modes of the chunks."""
    kept: StagesKept | None = None
    """Keeps what comes between masks and result."""

    def __post_init__(self) -> None:
        self._reader = ForwardReader(self.info.path, stop=self.chunks[-1].stop)
        self._mode: tuple[Shot, TemporalMode | FlowMode] | None = None
        self._carried: int | None = None  # the frame before which the mode `flow` has filled the last one
        keep = region_mask(self.config.keep, self.info.size, name="keep")
        self._keep = None if keep is None else keep.numpy()

    def run(self, segments: Sequence[Segment], advance: Callable[[int], object]) -> list[Path]:
        """Do those of consecutive segments that are not done, and return the paths of all, in order.

        The first of them must not go on from the one before it, or that one must be done.
        """
        for segment in segments:
            if self.is_done(segment):
                self._mode = None  # it knows nothing of the end of this segment
                advance(segment.stop - segment.start)
            else:
                self._run_segment(segment, advance)
        return [self._path(segment) for segment in segments]

    def is_done(self, segment: Segment) -> bool:
        """Whether the segment and its figures are there."""
        return self._path(segment).with_suffix(".npz").exists()

    def figures(self) -> Figures:
        """The figures of the whole video."""
        return Figures.joined(Figures.load(path) for path in sorted(self.folder.glob("??????.npz")))

    def _run_segment(self, segment: Segment, advance: Callable[[int], object]) -> None:
        recorder, path = FiguresRecorder(), self._path(segment)
        before = self.folder / f"{segment.number - 1:06d}{_CARRY}"
        if self._mode is None:
            mode = self._mode_of(segment.chunks[0])
            if isinstance(mode, FlowMode) and before.exists():
                mode.load(before)
                self._carried = segment.start
        codec = "ffv1" if self.config.lossless else "h264"
        clips = (self._filled(chunk, recorder, advance) for chunk in segment.chunks)
        write_segment(path, clips, like=self.info, codec=codec, crf=self.config.crf)
        assert self._mode is not None
        shot, mode = self._mode
        if isinstance(mode, FlowMode) and segment.stop < shot.stop:
            mode.save(path.with_suffix(_CARRY))
        recorder.figures().save(path.with_suffix(".npz"))
        if segment.goes_on:
            before.unlink(missing_ok=True)  # only now: until its figures are there, this segment may be done again

    def _path(self, segment: Segment) -> Path:
        return self.folder / f"{segment.number:06d}.nut"

    def _filled(self, chunk: Chunk, recorder: FiguresRecorder, advance: Callable[[int], object]) -> Clip:
        mode = self._mode_of(chunk)
        start, stop = mode.window(chunk)
        window = self._reader.window(start, stop)
        masks, holes, alpha = self._holes(start, stop)
        if isinstance(mode, FlowMode) and holes.all() and self._carried != chunk.start:
            fills = _nothing(chunk.stop - chunk.start, self.info.size)
        else:
            fills, self._carried = mode.fill(chunk, window.numpy(), holes), chunk.stop
        clip = window[chunk.start - start : chunk.stop - start]
        result = clip.numpy().copy()
        for t, (fill, confidence) in enumerate(fills):
            here = chunk.start - start + t
            if masks[here].any():
                if self.config.seam == "gradient":
                    fill = level_fill(result[t], fill, masks[here], holes[here])
                result[t] = composite(result[t], fill, alpha[here])
            recorder.add(result[t], masks[here], confidence)
            if self.kept is not None:
                self.kept.add_confidence(chunk.start + t, confidence)
        advance(len(clip))
        return Clip.from_numpy(result, clip.fps, clip.start, clip.timestamps)

    def _mode_of(self, chunk: Chunk) -> TemporalMode | FlowMode:
        """The filler of the chunk's shot; one shot's filler is held at a time."""
        if self._mode is None or self._mode[0] is not chunk.shot:
            self._mode, self._carried = (chunk.shot, self._new_mode(chunk.shot)), None
        return self._mode[1]

    def _new_mode(self, shot: Shot) -> TemporalMode | FlowMode:
        config = self.config
        if shot.mode == "flow":
            record = None if self.kept is None else self.kept.record
            parts = replace(self.parts, completer=LaplaceCompleter()) if shot.follows else self.parts
            return FlowMode(propagation_settings(config), parts, record=record)
        chunks = tuple(chunk for chunk in self.chunks if chunk.shot is shot)
        assert self.parts.inpainter is not None
        return TemporalMode(
            chunks,
            self.info.size,
            self.laid if shot.laid_anew else self.masks,
            tolerance=self.tolerance,
            reveal=config.reveal,
            inpainter=self.parts.inpainter,
        )

    def _holes(self, start: int, stop: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Masks of frames `start` to `stop`, bool (T, H, W); with their soft edges, bool; and the blend, float32."""
        masks = FinishedMasks(self.masks, self.chunks, self.info.size).between(start, stop)
        alpha = mask_ops.feather(masks, self.config.feather).numpy()
        holes = alpha > 0
        if self._keep is not None:
            alpha[:, self._keep] = 0
        return masks.numpy(), holes, alpha


def _nothing(frames: int, size: tuple[int, int]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """What is known where everything is covered: black, and no confidence in it."""
    for _ in range(frames):
        yield np.zeros((*size, 3), np.uint8), np.zeros(size, np.float32)
