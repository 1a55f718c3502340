"""The result in finished segments of some seconds each, which outlast a killed run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from maskreel.animate.picture_file import read_picture
from maskreel.animate.running.outputs import packed
from maskreel.animate.running.report import look_of
from maskreel.animate.running.result import FrameFigures
from maskreel.common.atomic import write_json
from maskreel.common.errors import InputError
from maskreel.common.json_file import read_json
from maskreel.common.show import save_image
from maskreel.common.video import Clip, ColorTags, write_segment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from fractions import Fraction
    from pathlib import Path

    from torch import Tensor

    from maskreel.animate.config import AnimateConfig
    from maskreel.animate.running.inputs import Driving
    from maskreel.animate.running.job import Job
    from maskreel.animate.running.outputs import Output
    from maskreel.animate.running.plan import Plan
    from maskreel.animate.running.renderer import Rendered, Renderer

__all__ = ["Segments"]

_SEGMENT_FRAMES = 240


@dataclass(frozen=True)
class Segments:
    """Makes what is missing of the segments of one result, in order, with one batch of frames in memory."""

    job: Job
    renderer: Renderer
    plan: Plan
    driving: Driving
    output: Output
    config: AnimateConfig
    pixel_aspect: Fraction
    """Of the source."""
    shown: Sequence[int] = ()
    """Frames of which pictures are kept for the report."""

    def make(self, advance: Callable[[int], object]) -> list[FrameFigures]:
        """Give the figures of all frames; `advance` is told of frames that are done."""
        figures: list[FrameFigures] = []
        for path, (start, stop) in zip(self.paths, self._spans, strict=True):
            record = path.with_suffix(".json")  # written after the segment, so it tells that both are there
            if record.exists():
                self._pass_over(start, stop)
                advance(stop - start)
            else:
                made: list[FrameFigures] = []
                self._write(path, self._clips(start, stop, made, advance))
                write_json(record, made)
            figures += _read_figures(record, stop - start)
        return figures

    @property
    def paths(self) -> list[Path]:
        """Of all segments, in order."""
        return [self.job.segment(number) for number in range(len(self._spans))]

    def looks(self) -> list[Tensor]:
        """The pictures that were kept of some moments, uint8 (3, h, w) each."""
        kept = (read_picture(self._look(index)) for index in self.shown)
        return [picture for picture in kept if picture is not None]

    @property
    def _spans(self) -> list[tuple[int, int]]:
        """First frames and ends, in whole batches."""
        batch, count = self.config.batch, self.driving.count
        step = max(batch, _SEGMENT_FRAMES // batch * batch)
        return [(start, min(start + step, count)) for start in range(0, count, step)]

    def _pass_over(self, start: int, stop: int) -> None:
        """The motion of later frames goes on from these."""
        for poses in self.plan.masks.batches(start, stop):
            self.renderer.catch_up(poses)

    def _clips(
        self, start: int, stop: int, figures: list[FrameFigures], advance: Callable[[int], object]
    ) -> Iterator[Clip]:
        for poses in self.plan.masks.batches(start, stop):
            rendered = self.renderer.render(poses, start)
            areas = rendered.driving_masks.mean((1, 2, 3)), rendered.masks.mean((1, 2, 3))
            figures += [FrameFigures(*pair) for pair in zip(*(area.tolist() for area in areas), strict=True)]
            self._keep_looks(rendered, start)
            frames = packed(rendered.frames) if self.output.transparent else rendered.frames
            yield Clip(frames, self.driving.info.fps, poses.start, poses.times)
            start += len(frames)
            advance(len(frames))

    def _keep_looks(self, rendered: Rendered, start: int) -> None:
        for index in self.shown:
            if start <= index < start + len(rendered.frames):
                save_image(self._look(index), look_of(self.plan, rendered, index - start))

    def _look(self, index: int) -> Path:
        return self.job.folder / f"look{index:08d}.jpg"

    def _write(self, path: Path, clips: Iterator[Clip]) -> None:
        like = replace(self.driving.info, colors=ColorTags(matrix=0), sample_aspect_ratio=self.pixel_aspect)
        write_segment(path, clips, like=like, codec=self.output.codec, crf=self.config.crf)


def _read_figures(path: Path, count: int) -> list[FrameFigures]:
    """The figures of a finished segment.

    Raises:
        InputError: They are damaged, or of another number of frames.
    """
    rows = read_json(path)
    try:
        figures = [FrameFigures(*map(float, row)) for row in rows]
    except (TypeError, ValueError):
        figures = []
    if len(figures) != count:
        raise InputError(f"{path} does not hold two figures for each of {count} frames; delete it to make them anew")
    return figures
