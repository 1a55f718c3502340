"""One job from source to finished video: survey, masks, fill, join. Every stage is kept in the job folder."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

import maskreel.inpaint
from maskreel.common.atomic import atomic_path
from maskreel.common.errors import InputError
from maskreel.common.masks import iterate_masks
from maskreel.common.video import iterate, join_segments
from maskreel.inpaint.chunks import Chunk, plan_chunks
from maskreel.inpaint.fill_stage import FillStage
from maskreel.inpaint.given_masks import GivenMasks
from maskreel.inpaint.job import identify
from maskreel.inpaint.mask_refinement import MaskRefinement, region_mask
from maskreel.inpaint.mask_stage import MaskStage, load_masks
from maskreel.inpaint.motion_segmenter import MotionSegmenter
from maskreel.inpaint.survey import Shot, Survey, Surveyor, canvas_box

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    import torch

    from maskreel.common.video import VideoInfo
    from maskreel.inpaint.config import InpaintConfig
    from maskreel.inpaint.figures import Figures
    from maskreel.inpaint.flow_estimation import FlowEstimator
    from maskreel.inpaint.job import Job
    from maskreel.inpaint.segmentation import Segmenter

__all__ = ["Pipeline", "Watch", "unwatched"]

logger = logging.getLogger(__name__)

_LARGEST_CANVAS = 12  # frame areas
_NETWORK_FPS = 5.0


class Watch(Protocol):
    """Told what a job does: `with watch("masks", total=795) as advance: advance(12)`."""

    def __call__(self, stage: str, total: int) -> AbstractContextManager[Callable[[int], object]]: ...


@contextmanager
def unwatched(stage: str, total: int) -> Iterator[Callable[[int], object]]:
    """A `Watch` that tells nobody."""
    yield lambda _: None


@dataclass
class Pipeline:
    """The stages of one job; each method does what is not done yet and returns the result."""

    info: VideoInfo
    """The source."""
    frame_count: int
    """Frames to work on, from the first."""
    given: Path | None
    """Masks somebody has made."""
    config: InpaintConfig
    job: Job
    segmenter: Segmenter | None
    """Overrides `config.segmenter`."""
    estimator: FlowEstimator
    watch: Watch

    def check(self) -> None:
        """Find at once what would otherwise end a long job late.

        Raises:
            InputError: if a region, or the first of the given masks, does not fit the video.
        """
        _ = self.refinement
        if self.given is not None:
            next(iterate_masks(self.given, size=self.info.size, frame_count=self.info.frame_count, stop=1), None)

    @cached_property
    def survey(self) -> Survey:
        """Shots, camera motion and backgrounds, with the mode that the config asks for."""
        path = self.job.stage("survey", self._survey_settings) / "survey.npz"
        if not path.exists():
            survey = self._look()
            with atomic_path(path) as scratch:
                survey.save(scratch)
        survey = Survey.load(path)
        if self.config.mode == "auto":
            return survey
        return replace(survey, shots=tuple(self._forced(shot) for shot in survey.shots))

    @cached_property
    def chunks(self) -> tuple[Chunk, ...]:
        """The pieces that the later stages work on."""
        return plan_chunks(self.survey)

    @cached_property
    def tolerance(self) -> float:
        """Grey levels within which two samples of one place show the same thing: what noise explains, and a little."""
        return 10 + 3 * float(np.mean([np.median(background.noise) for background in self.survey.backgrounds]))

    @cached_property
    def refinement(self) -> MaskRefinement:
        """How masks grow."""
        config, height = self.config, self.info.size[0]
        defaults = (0.005 * height, 0.0, 0) if self.given else (0.01 * height, 0.005 * height, 1)
        asked = (config.dilation, config.shadow_margin, config.temporal_union)
        dilation, shadow, union = (d if a is None else a for a, d in zip(asked, defaults, strict=True))
        regions = {name: region_mask(getattr(config, name), self.info.size, name=name) for name in ("remove", "keep")}
        return MaskRefinement(dilation, shadow, int(union), **regions)

    def make_masks(self) -> None:
        """Mark what shall go, on every frame."""
        stage = MaskStage(
            self._mask_folder,
            self.info.path,
            self.info.size,
            self._segmenter(),
            self.refinement,
            self._stride,
            self.config.feather,
            self.tolerance,
        )
        with self.watch("masks", self.frame_count) as advance:
            stage.run(self.chunks, advance)

    def load_masks(self) -> Iterator[torch.Tensor]:
        """The replaced pixels, chunk by chunk: bool (T, H, W)."""
        return (load_masks(self._mask_folder, chunk, self.info.size) for chunk in self.chunks)

    def fill(self, output: Path, *, copy_streams: bool) -> Figures:
        """Fill the holes and write the finished video, with the source's sound and subtitles if wanted."""
        folder = self.job.stage("fill", self._fill_settings)
        stage = FillStage(folder, self._mask_folder, self.info, self.config, self.tolerance, self.estimator)
        with self.watch("fill", self.frame_count) as advance:
            segments = stage.run(self.chunks, advance)
        join_segments(output, segments, copy_streams_from=self.info.path if copy_streams else None)
        return stage.figures()

    @cached_property
    def _mask_folder(self) -> Path:
        return self.job.stage("masks", self._mask_settings)

    @cached_property
    def _survey_settings(self) -> dict[str, Any]:
        version = maskreel.inpaint.__version__
        return {"source": identify(self.info.path), "frames": self.frame_count, "version": version}

    @cached_property
    def _mask_settings(self) -> dict[str, Any]:
        config = self.config
        settings = self._survey_settings | {
            "mode": config.mode,
            "segmenter": config.segmenter if self.segmenter is None else repr(self.segmenter),
            "stride": self._stride,
            "refinement": {k: v for k, v in vars(self.refinement).items() if k not in ("remove", "keep")},
            "remove": _regions_identity(config.remove),
            "keep": _regions_identity(config.keep),
        }
        settings |= {name: getattr(config, name) for name in ("min_size", "sensitivity", "feather")}
        return settings | ({"given": identify(self.given)} if self.given else {})

    @cached_property
    def _fill_settings(self) -> dict[str, Any]:
        names = ("reveal", "fill", "iterations", "threshold", "crf", "lossless")
        return self._mask_settings | {name: getattr(self.config, name) for name in names}

    @property
    def _stride(self) -> int:
        fps = self.config.analysis_fps
        if fps is None:
            fps = None if self.given or self.config.segmenter == "motion" else _NETWORK_FPS
        return 1 if fps is None else max(1, round(float(self.info.fps) / fps))

    def _look(self) -> Survey:
        surveyor = Surveyor(self.info.size, self.info.fps, self.frame_count)
        with self.watch("survey", self.frame_count) as advance:
            for clip in iterate(self.info.path, chunk=16, stop=self.frame_count):
                surveyor.add(clip)
                advance(len(clip))
        survey = surveyor.finish()
        if survey.frame_count != self.frame_count:
            raise InputError(
                f"{self.info.path}: only {survey.frame_count} of {self.frame_count} frames can be decoded;"
                " the file is cut off"
            )
        return survey

    def _forced(self, shot: Shot) -> Shot:
        """The shot in the mode that the config asks for."""
        if self.config.mode == "static":
            return replace(shot, mode="static", matrices=np.broadcast_to(np.eye(3), shot.matrices.shape).copy())
        left, top, right, bottom = canvas_box(shot.matrices, self.info.size)
        frames = (right - left) * (bottom - top) / np.prod(self.info.size)
        if self.config.mode == "registered" and frames > _LARGEST_CANVAS:
            raise InputError(
                f"{self.info.path}: the camera sweeps too far in frames {shot.start} to {shot.stop}"
                " for --mode registered; use --mode flow"
            )
        assert self.config.mode != "auto"
        return replace(shot, mode=self.config.mode)

    def _segmenter(self) -> Segmenter:
        if self.given is not None:
            return GivenMasks(self.given, self.info.frame_count)
        if self.segmenter is not None:
            return self.segmenter
        if self.config.segmenter == "motion":
            low, high = 0.8 / self.config.sensitivity, 1.6 / self.config.sensitivity
            return MotionSegmenter(self.survey, low=low, high=high, min_size=self.config.min_size)
        from maskreel.inpaint.torchvision_segmenter import TorchvisionSegmenter

        return TorchvisionSegmenter(self.config.segmenter)


def _regions_identity(regions: tuple[str, ...]) -> list[Any]:
    from pathlib import Path

    return [region if "," in region else identify(Path(region)) for region in regions]
