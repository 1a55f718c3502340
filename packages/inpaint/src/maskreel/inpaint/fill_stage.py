"""Third stage of a job: fill the holes and encode, segment by segment.

A segment is a few chunks long, starts with a key frame and is encoded by itself, so that a killed job loses one
segment at most and the finished file is the same, bit for bit, whether or not it was interrupted. Beside each segment
lies an .npz file with the figures for the report; a segment whose figures exist is done.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from maskreel.common import masks as mask_ops
from maskreel.common.video import Clip, write_segment
from maskreel.inpaint.composite import composite
from maskreel.inpaint.figures import Figures, FiguresRecorder
from maskreel.inpaint.flow_fill import FlowFillConfig
from maskreel.inpaint.flow_mode import FlowMode
from maskreel.inpaint.mask_refinement import region_mask
from maskreel.inpaint.mask_stage import load_masks
from maskreel.inpaint.reading import ForwardReader
from maskreel.inpaint.temporal_mode import TemporalMode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import numpy as np

    from maskreel.common.video import VideoInfo
    from maskreel.inpaint.chunks import Chunk
    from maskreel.inpaint.config import InpaintConfig
    from maskreel.inpaint.flow_estimation import FlowEstimator
    from maskreel.inpaint.survey import Shot

__all__ = ["FillStage"]

_SEGMENT_FRAMES = 120


@dataclass
class FillStage:
    """Fills and encodes a video."""

    folder: Path
    """Where segments go."""
    masks: Path
    """The folder of the finished mask stage."""
    info: VideoInfo
    """The source."""
    config: InpaintConfig
    tolerance: float
    """Grey levels within which two samples show the same thing."""
    estimator: FlowEstimator

    def run(self, chunks: tuple[Chunk, ...], advance: Callable[[int], object]) -> list[Path]:
        """Do all segments that are not done; return their paths, in order."""
        self._reader = ForwardReader(self.info.path)
        self._chunks = chunks
        self._mode: tuple[Shot, TemporalMode | FlowMode] | None = None
        keep = region_mask(self.config.keep, self.info.size, name="keep")
        self._keep = None if keep is None else keep.numpy()
        paths: list[Path] = []
        for number, group in enumerate(_segments(chunks)):
            path = self.folder / f"{number:06d}.nut"
            if path.with_suffix(".npz").exists():
                advance(group[-1].stop - group[0].start)
            else:
                self._run_segment(path, group, paths[-1] if paths else None, advance)
            paths.append(path)
        return paths

    def figures(self) -> Figures:
        """The figures of the whole video."""
        return Figures.joined([Figures.load(path) for path in sorted(self.folder.glob("??????.npz"))])

    def _run_segment(
        self, path: Path, chunks: list[Chunk], before: Path | None, advance: Callable[[int], object]
    ) -> None:
        recorder = FiguresRecorder()
        if self._mode is None and before is not None:
            self._resume(chunks[0], before)
        codec = "ffv1" if self.config.lossless else "h264"
        clips = (self._filled(chunk, recorder, advance) for chunk in chunks)
        write_segment(path, clips, like=self.info, codec=codec, crf=self.config.crf)
        if self._mode is not None and isinstance(self._mode[1], FlowMode):
            self._mode[1].save(_carry_path(path))
            if before is not None:
                _carry_path(before).unlink(missing_ok=True)
        recorder.figures().save(path.with_suffix(".npz"))

    def _resume(self, chunk: Chunk, before: Path) -> None:
        mode = self._mode_of(chunk)
        if isinstance(mode, FlowMode):
            mode.load(_carry_path(before))

    def _filled(self, chunk: Chunk, recorder: FiguresRecorder, advance: Callable[[int], object]) -> Clip:
        mode = self._mode_of(chunk)
        start, stop = mode.window(chunk)
        window = self._reader.window(start, stop)
        masks, holes, alpha = self._holes(start, stop)
        fills = mode.fill(chunk, window.numpy(), holes)
        clip = window[chunk.start - start : chunk.stop - start]
        result = clip.numpy().copy()
        for t, (fill, confidence) in enumerate(fills):
            here = chunk.start - start + t
            if masks[here].any():
                result[t] = composite(result[t], fill, alpha[here])
            recorder.add(result[t], masks[here], confidence)
        advance(len(clip))
        return Clip.from_numpy(result, clip.fps, clip.start, clip.timestamps)

    def _mode_of(self, chunk: Chunk) -> TemporalMode | FlowMode:
        """The filler of the chunk's shot; one shot's filler is held at a time."""
        if self._mode is None or self._mode[0] is not chunk.shot:
            self._mode = (chunk.shot, self._new_mode(chunk.shot))
        return self._mode[1]

    def _new_mode(self, shot: Shot) -> TemporalMode | FlowMode:
        config = self.config
        if shot.mode == "flow":
            flow = FlowFillConfig(threshold_px=config.threshold, iterations=config.iterations, fill=config.fill)
            return FlowMode(flow, self.estimator)
        chunks = tuple(chunk for chunk in self._chunks if chunk.shot is shot)
        return TemporalMode(
            chunks, self.info.size, self.masks, tolerance=self.tolerance, reveal=config.reveal, fill=config.fill
        )

    def _holes(self, start: int, stop: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Masks of frames `start` to `stop`, bool (T, H, W); with their soft edges, bool; and the blend, float32."""
        touched = [chunk for chunk in self._chunks if chunk.start < stop and chunk.stop > start]
        masks = torch.cat([load_masks(self.masks, chunk, self.info.size) for chunk in touched])
        masks = masks[start - touched[0].start : stop - touched[0].start]
        alpha = mask_ops.feather(masks, self.config.feather).numpy()
        holes = alpha > 0
        if self._keep is not None:
            alpha[:, self._keep] = 0
        return masks.numpy(), holes, alpha


def _segments(chunks: tuple[Chunk, ...]) -> Iterator[list[Chunk]]:
    """Consecutive chunks in groups of at least `_SEGMENT_FRAMES` frames, as far as they go."""
    group: list[Chunk] = []
    for chunk in chunks:
        group.append(chunk)
        if group[-1].stop - group[0].start >= _SEGMENT_FRAMES:
            yield group
            group = []
    if group:
        yield group


def _carry_path(segment: Path) -> Path:
    return segment.with_suffix(".carry.npz")
