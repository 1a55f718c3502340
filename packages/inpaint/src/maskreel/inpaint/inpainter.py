"""`VideoInpainter`: removes people and things from a video."""

from __future__ import annotations

import logging
import shutil
import tempfile
from copy import copy
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import torch

from maskreel.common.atomic import atomic_path, remove_scratch, write_json
from maskreel.common.errors import InputError
from maskreel.common.masks import write_masks
from maskreel.common.show import save_image
from maskreel.common.video import Clip, VideoInfo, check_target, probe, read, write
from maskreel.inpaint.config import InpaintConfig
from maskreel.inpaint.result import InpaintResult, summarise
from maskreel.inpaint.running.job import Job
from maskreel.inpaint.running.marked_film import write_marked_film
from maskreel.inpaint.running.parts import Parts
from maskreel.inpaint.running.pipeline import Pipeline, Watch, unwatched
from maskreel.inpaint.running.reading import count_frames
from maskreel.inpaint.running.report import write_report
from maskreel.inpaint.running.shards import Crew, take_over

if TYPE_CHECKING:
    import os

    from maskreel.common.jobs import LocalProcesses, Slurm
    from maskreel.inpaint.flow.completer import FlowCompleter
    from maskreel.inpaint.flow.estimation import FlowEstimator
    from maskreel.inpaint.painting.image_inpainter import ImageInpainter
    from maskreel.inpaint.running.stages_kept import KeptStage
    from maskreel.inpaint.segmenters.protocol import Segmenter

__all__ = ["VideoInpainter"]

logger = logging.getLogger(__name__)

_CONTAINERS = (".mp4", ".mkv", ".mov")


class VideoInpainter:
    """Removes people and things from videos.

        result = VideoInpainter(InpaintConfig(reveal="future")).inpaint("lecture.mp4")
        print(result.output, result.summary)

    Args:
        config: all settings.
        segmenter: marks what shall go, instead of the one that the config names.
        flow: measures optical flow, instead of what the config names.
        completer: completes flow behind holes, instead of what the config names.
        inpainter: paints what no frame shows, instead of what the config names.
    """

    def __init__(
        self,
        config: InpaintConfig | None = None,
        *,
        segmenter: Segmenter | None = None,
        flow: FlowEstimator | None = None,
        completer: FlowCompleter | None = None,
        inpainter: ImageInpainter | None = None,
    ) -> None:
        self.config = config or InpaintConfig()
        self._segmenter = segmenter
        self._parts = Parts(flow, completer, inpainter)

    @overload
    def inpaint(self, video: Clip, masks: torch.Tensor | None = None) -> Clip: ...

    @overload
    def inpaint(
        self,
        video: str | os.PathLike[str],
        masks: str | os.PathLike[str] | None = None,
        *,
        output: str | os.PathLike[str] | None = None,
        job: str | os.PathLike[str] | None = None,
        seconds: float | None = None,
        watch: Watch = unwatched,
        executor: LocalProcesses | Slurm | None = None,
        plates: bool = False,
        keep_stages: tuple[KeptStage, ...] = (),
    ) -> InpaintResult: ...

    def inpaint(
        self,
        video: Clip | str | os.PathLike[str],
        masks: torch.Tensor | str | os.PathLike[str] | None = None,
        *,
        output: str | os.PathLike[str] | None = None,
        job: str | os.PathLike[str] | None = None,
        seconds: float | None = None,
        watch: Watch = unwatched,
        executor: LocalProcesses | Slurm | None = None,
        plates: bool = False,
        keep_stages: tuple[KeptStage, ...] = (),
    ) -> Clip | InpaintResult:
        """Remove what moves, or what `masks` mark, from a video.

        Args:
            video: a video file, a folder of frames, or a Clip.
            masks: a mask video, a folder of mask images or one mask image for the whole video; for a Clip, a bool
                tensor (T, H, W). None: the segmenter marks what shall go.
            output: for a file, as all that follow: the file to write; by default beside the source, as
                NAME.inpainted.mp4.
            job: the folder for unfinished work; by default beside the output, as NAME.job. Running the same call again
                goes on from there.
            seconds: work on the first seconds only.
            watch: told of the progress.
            executor: who makes masks and fills, `LocalProcesses` or a `Slurm` cluster; None: this process. The result
                is the same.
            plates: write each shot's clean plate beside the output, as NAME.plate-FRAME.png; a shot that is filled
                along flow has none.
            keep_stages: what to keep in the job folder of what comes between source and result, as files per frame in
                kept-KIND and as a film, kept-KIND.mp4.

        Returns:
            For a file, an `InpaintResult` that names the written video, report, record and job folder. For a Clip, the
            Clip without what was marked.

        Raises:
            InputError: if a file cannot be used.
            TypeError: if a Clip comes with anything but a tensor of masks, or a file with a tensor.
            ValueError: if a Clip comes with an argument that is for files.
        """
        if isinstance(video, Clip):
            paths = {"output": output, "job": job, "seconds": seconds, "executor": executor}
            more = {"watch": watch != unwatched and watch, "plates": plates, "keep_stages": keep_stages}
            _refuse_for_clip(paths | more)
            return self._inpaint_clip(video, None if masks is None else _marks(video, masks))
        if isinstance(masks, torch.Tensor):
            raise TypeError("masks for a file must be a path; read the file to a Clip to use a tensor")
        info = probe(Path(video))
        whole = seconds is None
        target = self._target(info, output, copy_streams=whole)
        work = Job(Path(job) if job else target.with_suffix(".job"))
        pipeline = self._pipeline(info, Path(masks) if masks else None, work, seconds, watch)
        pipeline.kept = tuple(dict.fromkeys(keep_stages))
        pipeline.crew = None if executor is None else Crew(work.folder, executor)
        pipeline.check()
        with work.lock():
            take_over(work.folder)
            remove_scratch(target.parent, stem=target.stem)
            return self._run(pipeline, target, whole=whole, plates=plates)

    def mark(
        self,
        video: str | os.PathLike[str],
        masks: str | os.PathLike[str] | None = None,
        *,
        output: str | os.PathLike[str] | None = None,
        job: str | os.PathLike[str] | None = None,
        watch: Watch = unwatched,
    ) -> Path:
        """Show what `inpaint` would remove: a film of the video, at most 540 rows high, with the masks drawn over it.

        Args:
            video: a video file or a folder of frames.
            masks: as for `inpaint`.
            output: the film to write; by default beside the source, as NAME.marked.mp4.
            job: the folder for unfinished work, by default that of `inpaint`, which goes on from these masks.
            watch: told of the progress.

        Returns:
            The film.

        Raises:
            InputError: if a file cannot be used.
        """
        info = probe(Path(video))
        path = info.path.resolve() if info.path.is_dir() else info.path
        film = Path(output) if output else path.with_name(f"{path.stem}.marked.mp4")
        if film.resolve() == path.resolve():
            raise InputError(f"{film}: the film would replace the source; choose another name")
        check_target(film, codec="h264")
        target = self._target(info, None, copy_streams=False)
        work = Job(Path(job) if job else target.with_suffix(".job"))
        pipeline = self._pipeline(info, Path(masks) if masks else None, work, None, watch)
        pipeline.check()
        with work.lock():
            take_over(work.folder)
            remove_scratch(film.parent, stem=film.stem)
            pipeline.make_masks()
            with watch("show", pipeline.frame_count) as advance:
                share = write_marked_film(film, info, pipeline.load_masks(), advance)
        if share:
            logger.info("%.1f%% of all pixels are marked", 100 * share)
        else:
            logger.warning("%s: nothing to remove was found", info.path)
        return film

    def _run(self, pipeline: Pipeline, target: Path, *, whole: bool, plates: bool) -> InpaintResult:
        pipeline.make_masks()
        shots = list({chunk.shot.start: chunk.shot for chunk in pipeline.settled_chunks}.values())
        for shot in shots:
            mode, completion = pipeline.way(shot)
            told = mode if completion is None else f"{mode}, completion {completion}"
            logger.info("frames %d to %d: mode %s (camera moves %.1f px)", shot.start, shot.stop, told, shot.shift)
        figures = pipeline.fill(target, copy_streams=whole and not pipeline.info.path.is_dir())
        modes, completions = zip(*map(pipeline.way, shots), strict=True)
        summary = summarise(figures, modes, completions)
        if whole and not summary.removed_something:
            logger.warning("%s: nothing to remove was found", pipeline.info.path)
            _copy_unchanged(pipeline.info.path, target)
        if plates:
            _write_plates(pipeline, target)
        pipeline.write_films()
        record = target.with_suffix(".json")
        write_json(
            record, {"source": str(pipeline.info.path), "config": asdict(self.config), "summary": asdict(summary)}
        )
        report = write_report(
            target.with_suffix(".html"), pipeline.info.path, target, pipeline.load_masks, figures, summary
        )
        return InpaintResult(target, report, record, pipeline.job.folder, summary, figures, pipeline.load_masks)

    def _pipeline(self, info: VideoInfo, masks: Path | None, job: Job, seconds: float | None, watch: Watch) -> Pipeline:
        return Pipeline(info, count_frames(info, seconds), masks, self.config, job, self._segmenter, self._parts, watch)

    def _inpaint_clip(self, clip: Clip, masks: torch.Tensor | None) -> Clip:
        """By way of lossless files, so that there is one way through the code."""
        lossless = copy(self)
        lossless.config = replace(self.config, lossless=True)
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            source, marks = folder / "source.mkv", folder / "masks"
            write(source, clip, codec="ffv1")
            if masks is not None:
                write_masks(marks, masks)
            result = lossless.inpaint(source, marks if masks is not None else None, output=folder / "result.mkv")
            frames = read(result.output).frames
        return Clip(frames, clip.fps, clip.start, clip.timestamps)

    def _target(self, info: VideoInfo, output: str | os.PathLike[str] | None, *, copy_streams: bool) -> Path:
        path = info.path.resolve() if info.path.is_dir() else info.path  # so that "." has a name
        suffix = (
            ".mkv" if self.config.lossless else path.suffix.lower() if path.suffix.lower() in _CONTAINERS else ".mp4"
        )
        target = Path(output) if output else path.with_name(f"{path.stem}.inpainted{suffix}")
        allowed = (".mkv",) if self.config.lossless else _CONTAINERS
        if target.suffix.lower() not in allowed:
            raise InputError(f"{target}: the output must end in {' or '.join(allowed)}")
        if target.resolve() == path.resolve():
            raise InputError(f"{target}: the output would replace the source; choose another name")
        codec, source = "ffv1" if self.config.lossless else "h264", path if copy_streams and path.is_file() else None
        check_target(target, codec=codec, copy_streams_from=source)
        return target


def _marks(clip: Clip, masks: object) -> torch.Tensor:
    """The masks of a clip, if that is what they are."""
    if not isinstance(masks, torch.Tensor):
        raise TypeError(f"masks for a Clip must be a bool tensor (T, H, W), got {type(masks).__name__}")
    expected = (len(clip), *clip.size)
    if masks.dtype != torch.bool or tuple(masks.shape) != expected:
        raise ValueError(f"masks must be bool {expected}, got {masks.dtype} {tuple(masks.shape)}")
    return masks


def _refuse_for_clip(given: dict[str, Any]) -> None:
    for name, value in given.items():
        if value not in (None, False, ()):
            raise ValueError(
                f"{name} is for files, got {value!r} with a Clip; the Clip that comes back is written by"
                " maskreel.common.video.write"
            )


def _write_plates(pipeline: Pipeline, target: Path) -> None:
    for shot, plate in pipeline.clean_plates():
        if plate is None:
            logger.warning("frames %d to %d have no clean plate: they were filled along flow", shot.start, shot.stop)
            continue
        path = target.with_name(f"{target.stem}.plate-{shot.start:08d}.png")
        save_image(path, torch.from_numpy(plate).permute(2, 0, 1))
        logger.info("clean plate of frames %d to %d: %s", shot.start, shot.stop, path)


def _copy_unchanged(source: Path, target: Path) -> None:
    """Where nothing was removed, the source itself is the best result, if the target can hold it."""
    if source.suffix.lower() == target.suffix.lower():
        with atomic_path(target) as scratch:
            shutil.copyfile(source, scratch)
