"""One job from source to finished video: survey, masks, fill, join. Every stage is kept in the job folder."""

from __future__ import annotations

import logging
import shutil
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

import maskreel.inpaint
from maskreel.common.errors import InputError
from maskreel.common.job_folder import identify
from maskreel.common.masks import iterate_masks
from maskreel.common.video import iterate, join_segments
from maskreel.inpaint.running.chunks import Chunk, can_be_laid, plan_chunks
from maskreel.inpaint.running.fill_stage import FillStage, group_chunks, plan_segments
from maskreel.inpaint.running.mask_stage import (
    FinishedMasks,
    MaskStage,
    is_done,
    join_parts,
    load_masks,
    plate_path,
)
from maskreel.inpaint.running.parts import chosen_completion, people_segmenter, propagation_settings
from maskreel.inpaint.running.settling import settled, try_shots
from maskreel.inpaint.running.shards import Piece, shares
from maskreel.inpaint.running.stages_kept import SUFFIXES, StagesKept, write_film
from maskreel.inpaint.running.trial import Triers
from maskreel.inpaint.scene.clean_plate import CleanPlate
from maskreel.inpaint.scene.survey import Shot, Survey, Surveyor, canvas_box
from maskreel.inpaint.segmenters.given_masks import GivenMasks
from maskreel.inpaint.segmenters.motion import MotionSegmenter
from maskreel.inpaint.segmenters.refinement import MaskRefinement, region_mask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    import torch

    from maskreel.common.video import VideoInfo
    from maskreel.inpaint.config import InpaintConfig
    from maskreel.inpaint.running.figures import Figures
    from maskreel.inpaint.running.fill_stage import Segment
    from maskreel.inpaint.running.job import Job
    from maskreel.inpaint.running.parts import Parts
    from maskreel.inpaint.running.shards import Crew
    from maskreel.inpaint.running.stages_kept import KeptStage
    from maskreel.inpaint.running.trial import Trial
    from maskreel.inpaint.segmenters.protocol import Segmenter

__all__ = ["Pipeline", "Watch", "unwatched"]

logger = logging.getLogger(__name__)

_LARGEST_CANVAS = 12  # frame areas
_SWAY = 0.05  # of the shorter side of a frame: how far a camera moves that may as well be taken to stand still
_NETWORK_FPS = 5.0
_FILL_FIELDS = (
    "reveal",
    "flow",
    "completion",
    "propagation",
    "fill",
    "seam",
    "iterations",
    "threshold",
    "crf",
    "lossless",
)
"""Settings that the fill depends on, beside those of the masks and the files of weights."""


class Watch(Protocol):
    """Told what a job does: `with watch("masks", total=795) as advance: advance(12)`."""

    def __call__(self, stage: str, total: int) -> AbstractContextManager[Callable[[int], object]]: ...


@contextmanager
def unwatched(stage: str, total: int) -> Iterator[Callable[[int], object]]:
    """A `Watch` that tells nobody."""
    yield lambda _: None


def unheard(_: int) -> None:
    """Told of frames, tells nobody."""


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
    parts: Parts
    """Overrides what the config names."""
    watch: Watch
    crew: Crew | None = None
    """Who makes masks and fills; None: this process."""
    kept: tuple[KeptStage, ...] = ()
    """What to keep of what comes between source and result."""

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
        # Backgrounds in files of their own are not what earlier versions left, which held all of them in memory.
        folder = self.job.stage("survey", self._survey_settings | {"backgrounds": "files"})
        path = folder / "survey.npz"
        if not path.exists():
            self._look(folder).save(path)
        survey = Survey.load(path)
        suited = self._rivalled if self.config.mode == "auto" else self._forced
        return replace(survey, shots=tuple(suited(shot) for shot in survey.shots))

    @cached_property
    def bounds(self) -> tuple[tuple[int, int], ...]:
        """First frame and the one to stop before, of every chunk."""
        return tuple((chunk.start, chunk.stop) for chunk in plan_chunks(self.survey))

    @cached_property
    def chunks(self) -> tuple[Chunk, ...]:
        """The pieces that the later stages work on, in the modes of the survey."""
        shot = self.survey.shot
        return tuple(Chunk(i, start, stop, shot(start)) for i, (start, stop) in enumerate(self.bounds))

    @cached_property
    def trials(self) -> dict[int, Trial]:
        """Shots in doubt, by their first frame: how well modes fill what is known. Needs the masks."""
        if self.config.mode != "auto" or not any(chunk.shot.has_canvas for chunk in self.chunks):
            return {}
        path = self.job.stage("trials", self._fill_settings) / "trials.json"
        return try_shots(path, self.info.path, self.chunks, self._masks_of, self._triers)

    @cached_property
    def settled_chunks(self) -> tuple[Chunk, ...]:
        """The chunks in the modes that they are filled in. Needs the masks."""
        return settled(self.chunks, self.trials)

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
        folder, chunks = self._mask_folder, self.chunks
        with self.watch("masks", self.frame_count) as advance:
            if self.crew is None or all(is_done(folder, chunk) for chunk in chunks):
                self._mask_stage(folder).run(chunks, advance)
            else:
                self._masks_by_workers(self.crew, folder, advance)
        if kept := self._stages_kept(("masks",)):
            for chunk, masks in zip(self.chunks, self.load_masks(), strict=True):
                kept.add_masks(chunk.start, masks)

    def lay_anew(self) -> None:
        """Lay the frames of those shots on each other that trials have settled to lay in another way than the survey.

        What comes of it is what a mask stage leaves, masks and all.
        """
        chunks = tuple(chunk for chunk in self.settled_chunks if chunk.shot.laid_anew)
        if not chunks:
            return
        finished = FinishedMasks(self._mask_folder, self.chunks, self.info.size)
        stage = replace(
            self._mask_stage(self._laid_folder), segmenter=finished, refinement=MaskRefinement(0, 0, 0), stride=1
        )
        with self.watch("lay anew", sum(chunk.stop - chunk.start for chunk in chunks)) as advance:
            stage.run(chunks, advance)

    def load_masks(self) -> Iterator[torch.Tensor]:
        """The replaced pixels, chunk by chunk: bool (T, H, W)."""
        return (self._masks_of(chunk) for chunk in self.chunks)

    def way(self, shot: Shot) -> tuple[str, str | None]:
        """Mode and completion of a settled shot in words of the config, which ask for the same; see `Summary`."""
        if shot.mode != "flow":
            return shot.mode, None
        mode = "dfc" if self.config.mode == "dfc" else "flow"
        if shot.follows:
            return mode, "laplace"
        return mode, None if self.parts.completer is not None else chosen_completion(self.config)

    def clean_plates(self) -> Iterator[tuple[Shot, np.ndarray | None]]:
        """Of every shot the scene without what was removed: uint8 (h, w, 3) RGB; None of those filled along flow alone.

        The canvas of a moving camera is larger than a frame.
        """
        inpainter = self.parts.loaded(self.config, flow=False).inpainter
        assert inpainter is not None
        for first, settled_first in zip(self.chunks, self.settled_chunks, strict=True):
            shot, modes = first.shot, {first.shot.mode, settled_first.shot.mode}
            if first.start == shot.start:
                folder = self._laid_folder if settled_first.shot.laid_anew else self._mask_folder
                path = None if modes == {"flow"} else plate_path(folder, first)
                yield shot, None if path is None else CleanPlate.load(path).completed(inpainter)

    def fill(self, output: Path, *, copy_streams: bool) -> Figures:
        """Fill the holes and write the finished video, with the source's sound and subtitles if wanted."""
        self.lay_anew()
        folder, segments = self.job.stage("fill", self._fill_settings), plan_segments(self.settled_chunks)
        stage = self._fill_stage(folder, self._mask_folder, self._stages_kept(("flow", "completed", "confidence")))
        with self.watch("fill", self.frame_count) as advance:
            if self.crew is not None:
                self._fill_by_workers(self.crew, stage, segments, advance)
            paths = stage.run(segments, advance if self.crew is None else unheard)
        join_segments(output, paths, copy_streams_from=self.info.path if copy_streams else None)
        return stage.figures()

    def write_films(self) -> list[Path]:
        """A video of every kept stage, beside its folder, to be looked at; what never came to be leaves neither."""
        paths = []
        for kind in self.kept:
            folder = self._kept_folder(kind)
            film = folder.with_suffix(".mp4")
            if any(folder.glob(f"*{SUFFIXES[kind]}")):
                write_film(film, folder, range(self.frame_count), self.info)
                paths.append(film)
            else:
                logger.warning("no optical flow was needed, so no %s is kept in %s", kind, folder)
                shutil.rmtree(folder)
                film.unlink(missing_ok=True)
        return paths

    def _masks_by_workers(self, crew: Crew, folder: Path, advance: Callable[[int], object]) -> None:
        frames = [0 if is_done(folder, chunk) else chunk.stop - chunk.start for chunk in self.chunks]
        ranges = shares(frames, crew.pieces_of(sum(frames)))
        # Chunks that are done are looked at too: every part collects a plate.
        parts = [range(a, b) for a, b in pairwise([0, *(part.stop for part in ranges[:-1]), len(self.chunks)])]
        pieces = [_piece("masks", self.chunks, part) for part in parts]
        there = self._travelling()

        def work(piece: Piece, advance: Callable[[int], object]) -> None:
            there._mask_stage(folder).run_part(there.chunks[piece.first : piece.last], advance)

        crew.run(pieces, work, advance)
        join_parts(folder, self.chunks, parts)

    def _fill_by_workers(
        self, crew: Crew, stage: FillStage, segments: tuple[Segment, ...], advance: Callable[[int], object]
    ) -> None:
        frames = [0 if stage.is_done(segment) else segment.stop - segment.start for segment in segments]
        ranges = shares(frames, crew.pieces_of(sum(frames)), whole=[segment.goes_on for segment in segments])
        pieces = [_piece("fill", segments, part) for part in ranges]
        advance(self.frame_count - sum(piece.stop - piece.start for piece in pieces))
        there, folder, masks, kept = self._travelling(), stage.folder, stage.masks, stage.kept
        there.trials = self.trials
        ends = [segment.chunks[-1].index + 1 for segment in segments]

        def work(piece: Piece, advance: Callable[[int], object]) -> None:
            part = group_chunks(there.settled_chunks, ends)[piece.first : piece.last]
            there._fill_stage(folder, masks, kept).run(part, advance)

        crew.run(pieces, work, advance)

    def _travelling(self) -> Pipeline:
        """A copy for other processes, which hold no lock and have nobody to tell."""
        copy = replace(self, watch=unwatched, crew=None)
        copy.bounds = self.bounds
        return copy

    def _masks_of(self, chunk: Chunk) -> torch.Tensor:
        return load_masks(self._mask_folder, chunk, self.info.size)

    def _triers(self) -> Triers:
        parts, config = self.parts.loaded(self.config, flow=True), self.config
        free = config.completion in (None, "auto") and self.parts.completer is None
        settings, passing = propagation_settings(config), self._passing
        return Triers(settings, parts, self.tolerance, config.reveal, may_follow=free, passing=passing)

    def _mask_stage(self, folder: Path) -> MaskStage:
        source, size, segmenter, feather = self.info.path, self.info.size, self._segmenter(), self.config.feather
        return MaskStage(
            folder, source, size, segmenter, self.refinement, self._stride, feather, self.tolerance, self._passing
        )

    @property
    def _passing(self) -> Segmenter | None:
        """Marks what moves, unless that is masked already."""
        masked = self.given is None and self.segmenter is None and self.config.segmenter == "motion"
        return None if masked else MotionSegmenter(self.survey)

    def _fill_stage(self, folder: Path, masks: Path, kept: StagesKept | None) -> FillStage:
        chunks = self.settled_chunks
        parts = self.parts.loaded(self.config, flow=any(chunk.shot.mode == "flow" for chunk in chunks))
        laid = self._laid_folder if any(chunk.shot.laid_anew for chunk in chunks) else masks
        return FillStage(folder, masks, laid, self.info, self.config, chunks, self.tolerance, parts, kept)

    def _stages_kept(self, kinds: tuple[KeptStage, ...]) -> StagesKept | None:
        wanted: dict[KeptStage, Path] = {kind: self._kept_folder(kind) for kind in kinds if kind in self.kept}
        return StagesKept(wanted) if wanted else None

    def _kept_folder(self, kind: KeptStage) -> Path:
        return self.job.stage(f"kept-{kind}", self._mask_settings if kind == "masks" else self._fill_settings)

    @cached_property
    def _mask_folder(self) -> Path:
        return self.job.stage("masks", self._mask_settings)

    @cached_property
    def _laid_folder(self) -> Path:
        return self.job.stage("laid", self._mask_settings)

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
            "weights": _weights_identity(config.segmenter_weights),
            "network": _config_identity(config.segmenter_config),
            "stride": self._stride,
            "refinement": {k: v for k, v in vars(self.refinement).items() if k not in ("remove", "keep")},
            "remove": _regions_identity(config.remove),
            "keep": _regions_identity(config.keep),
        }
        settings |= {name: getattr(config, name) for name in ("min_size", "sensitivity", "feather")}
        settings["plates"] = "calm"  # earlier versions took whatever was uncovered first
        return settings | ({"given": identify(self.given)} if self.given else {})

    @cached_property
    def _fill_settings(self) -> dict[str, Any]:
        # The masks are a setting by themselves, so that no name of the fill's can hide one of theirs.
        settings = {"masks": self._mask_settings} | {name: getattr(self.config, name) for name in _FILL_FIELDS}
        weights = (self.config.flow_weights, self.config.fill_weights, *self.config.dfc_weights)
        settings |= {"weights": [_weights_identity(path) for path in weights], "parts": repr(self.parts)}
        settings["network"] = _config_identity(self.config.flow_config)
        kept = sorted(set(self.kept) - {"masks"})  # what is kept of a stage comes to be only when the stage is done
        return settings | ({"kept": kept} if kept else {})

    @property
    def _stride(self) -> int:
        fps = self.config.analysis_fps
        if fps is None:
            fps = None if self.given or self.config.segmenter == "motion" else _NETWORK_FPS
        return 1 if fps is None else max(1, round(float(self.info.fps) / fps))

    def _look(self, folder: Path) -> Survey:
        surveyor = Surveyor(self.info.size, self.info.fps, self.frame_count, folder)
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

    def _rivalled(self, shot: Shot) -> Shot:
        """The shot with what else may suit it: laying frames over each other, where there is memory for it, or as they
        are, where the camera sways only."""
        if shot.mode == "flow":
            return replace(shot, rival="registered") if can_be_laid(shot, self.info.size) else shot
        sways = shot.mode == "registered" and shot.shift <= _SWAY * min(self.info.size)
        return replace(shot, rival="static") if sways else shot

    def _forced(self, shot: Shot) -> Shot:
        """The shot in the mode that the config asks for."""
        if self.config.mode == "static":
            return shot.held()
        left, top, right, bottom = canvas_box(shot.matrices, self.info.size)
        frames = (right - left) * (bottom - top) / np.prod(self.info.size)
        if self.config.mode == "registered" and frames > _LARGEST_CANVAS:
            raise InputError(
                f"{self.info.path}: the camera sweeps too far in frames {shot.start} to {shot.stop}"
                " for --mode registered; use --mode flow"
            )
        assert self.config.mode != "auto"
        return replace(shot, mode="flow" if self.config.mode == "dfc" else self.config.mode)

    def _segmenter(self) -> Segmenter:
        if self.given is not None:
            return GivenMasks(self.given, self.info.frame_count)
        if self.segmenter is not None:
            return self.segmenter
        if self.config.segmenter == "motion":
            low, high = 0.8 / self.config.sensitivity, 1.6 / self.config.sensitivity
            return MotionSegmenter(self.survey, low=low, high=high, min_size=self.config.min_size)
        return people_segmenter(self.config)


def _piece(stage: str, items: Sequence[Chunk | Segment], part: range) -> Piece:
    return Piece(stage, part.start, part.stop, items[part.start].start, items[part.stop - 1].stop)


def _weights_identity(path: str | None) -> dict[str, Any] | None:
    return None if path is None else identify(Path(path))


def _config_identity(config: str | None) -> Any:
    if config is None:
        return None
    from maskreel.inpaint.openmmlab import identify_config

    return identify_config(config)


def _regions_identity(regions: tuple[str, ...]) -> list[Any]:
    return [region if "," in region else identify(Path(region)) for region in regions]
