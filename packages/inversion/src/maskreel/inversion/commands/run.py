"""`maskreel inversion run`: frames and a video from masks."""

from __future__ import annotations

import logging
import shutil
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from maskreel.common.atomic import remove_scratch
from maskreel.common.cli import progress
from maskreel.common.errors import InputError
from maskreel.common.job_folder import locked
from maskreel.inversion.config import PRESETS, InversionConfig, Preset

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from maskreel.common.jobs import LocalProcesses, Slurm
    from maskreel.inversion.job import Job
    from maskreel.inversion.optimisation import Progress
    from maskreel.inversion.work import Work

logger = logging.getLogger(__name__)

__all__ = ["run_with"]

MOVIES = (".mp4", ".mov", ".mkv", ".m4v", ".gif", ".webp")
JOBS = "jobs"
"""Folder of what processes leave for this one."""
DEFAULT_HEIGHT = 240
"""Frames are made no higher than this unless a height is given: more takes long without a GPU."""


def run_with(preset: Preset) -> Callable[..., int]:
    """The verb, with the values of a preset where no flag says otherwise."""

    def run(
        masks: Annotated[Path | None, tyro.conf.Positional] = None,
        *,
        output: Annotated[Path, tyro.conf.arg(aliases=["-o"])],
        davis: Path | None = None,
        sequence: tuple[str, ...] = (),
        year: Literal["2017", "2016"] = "2017",
        split: str | None = None,
        resolution: Literal["480p", "1080p", "Full-Resolution"] = "480p",
        classes: tuple[str, ...] = (),
        first_frames: bool = False,
        frames: tuple[int, int] | None = None,
        every: int = 1,
        height: int | None = None,
        teacher: str = "shapes",
        weights: Path | None = None,
        short_side: int | None = None,
        statistics: Path | None = None,
        verifier: str | None = None,
        per_frame: Path | None = None,
        preset: Preset = preset,
        config: InversionConfig = PRESETS[preset],
        device: Literal["auto", "cpu", "cuda"] = "auto",
        workers: int = 0,
        slurm: str | None = None,
        preview_every: int = 50,
        tensorboard: bool = False,
        dry_run: bool = False,
        overwrite: bool = False,
    ) -> int:
        """Make frames that show given masks, by optimising their pixels until a network sees the masks in them.

        MASKS is a folder of PNG masks, one PNG, a mask video, a COCO .json, an .npy of label maps, a video of the vfp
        data set, or the root of DAVIS. Frames, previews, log and record go to a folder: OUTPUT itself, or for a video
        OUTPUT the folder of the same name that ends in .run. Killed? Run the same command again: it goes on.

        Args:
            masks: Where the masks are; or give --davis.
            output: A video (.mp4, .mov, .mkv) or animation (.gif, .webp) of one sequence, or a folder; many sequences
                get a folder each in it.
            davis: Root of DAVIS.
            sequence: Names of its sequences; all of the split if there are none.
            year: Of DAVIS; 2016 takes all that is annotated as one object.
            split: Of DAVIS, such as val; by default train and val.
            resolution: Of DAVIS.
            classes: What the objects are, as 1=person 2=dog, or a .json file; for DAVIS they are known. An object
                without a class may be any.
            first_frames: Only the first frame of each sequence.
            frames: First frame and the one to stop before.
            every: Only every so many frames.
            height: Of the frames in pixels; by default that of the masks, but at most 240.
            teacher: shapes, torchvision-v2, torchvision-v1, detectron2:CONFIG, deeplabv3, fcn, or module:callable.
            weights: A file for the teacher's network; by default those that come with it.
            short_side: The teacher sees the frames resized to this shorter side.
            statistics: Statistics that `doctor --save` measured, in place of those in the teacher.
            per_frame: A .json file with weights of single frames, {"12": {"tv_l2": 2e-4}}, in place of those given by
                flags; with --coherence none and --batch 1.
            verifier: Look for frames on which this network does not agree with the teacher (adaptive competition), such
                as unet:FILE; its opinion is worth nothing in a report then.
            preset: default, or thesis: single frames from pure noise with the published losses.
            config: How pixels are optimised.
            device: Where to compute; auto is cuda where there is a device.
            workers: Processes that share the sequences, or the frames with --coherence none, or jobs of the Slurm array
                at a time; 0: this process alone, or 16 jobs.
            slurm: Partition of a Slurm cluster that does the work as an array of jobs; all nodes must see the files.
                With --device cuda, each job asks for a GPU.
            preview_every: Steps from one preview to the next; 0: none.
            tensorboard: Write losses and previews for TensorBoard.
            dry_run: Say what it would take, in time and memory, and make nothing.
            overwrite: Replace what an earlier run has left.
        """
        from maskreel.common.device import chosen_device
        from maskreel.common.jobs import chosen_executor

        executor = chosen_executor(workers, slurm, device=device)
        if slurm is None:  # the nodes of a cluster may have a device that is not here
            chosen_device(device)
        if first_frames and frames is not None:
            raise InputError("give either --first-frames or --frames, and not both")
        jobs = _jobs(
            _roots(masks, davis, sequence, year, split, resolution, classes),
            output,
            job=_job(
                config,
                per_frame,
                teacher,
                weights,
                short_side,
                statistics,
                verifier,
                device,
                preview_every,
                tensorboard,
            ),
            height=height,
            frames=(0, 1) if first_frames else frames,
            every=every,
        )
        if dry_run:
            return _estimate(jobs)
        with ExitStack() as stack:
            for one in jobs:
                stack.enter_context(locked(one.folder))
            if overwrite:
                _remove([one.folder for one in jobs], output / JOBS)
            _make(jobs, executor, output)
            _join(jobs, output)
            _tidy([one.folder for one in jobs], output)
        return 0

    return run


def _remove(folders: list[Path], shared: Path) -> None:
    """What an earlier run has left; a folder that is not of a run is not touched."""
    from maskreel.inversion.run_folder import RunFolder

    for folder in folders:
        if RunFolder.is_one(folder):
            shutil.rmtree(folder / "frames", ignore_errors=True)  # first: with a new record they would count as done
            for path in folder.iterdir():
                if path.is_dir():
                    shutil.rmtree(path)
                elif path.name != ".lock":
                    path.unlink()
    if len(folders) > 1:
        shutil.rmtree(shared, ignore_errors=True)


def _roots(
    masks: Path | None,
    davis: Path | None,
    sequence: tuple[str, ...],
    year: Any,
    split: str | None,
    resolution: Any,
    classes: tuple[str, ...],
) -> list[Any]:
    """`Masks` of every sequence."""
    from maskreel.inversion.choices import Masks
    from maskreel.inversion.sources import davis_sequences

    if (masks is None) == (davis is None):
        raise InputError("give either masks or --davis, and not both")
    path = masks if davis is None else davis
    assert path is not None
    names: Sequence[str | None] = sequence
    if not sequence:
        many = davis is not None or (path / "Annotations").is_dir()
        found = davis_sequences(path, year=year, split=split, resolution=resolution) if many else []
        names = [one.name for one in found] if many else [None]
    words = classes[0:1] if len(classes) == 1 and classes[0].endswith(".json") else classes
    return [Masks(path, name, year, split, resolution, tuple(words)) for name in names]


def _job(
    config: InversionConfig,
    per_frame: Path | None,
    teacher: str,
    weights: Path | None,
    short_side: int | None,
    statistics: Path | None,
    verifier: str | None,
    device: Literal["auto", "cpu", "cuda"],
    preview_every: int,
    tensorboard: bool,
) -> Job:
    """What all jobs have in common."""
    from maskreel.inversion.choices import Masks, TeacherChoice
    from maskreel.inversion.job import Job
    from maskreel.inversion.per_frame import read_per_frame

    choice = TeacherChoice(teacher, weights, short_side, statistics, verifier)
    single = {} if per_frame is None else read_per_frame(per_frame)
    job = Job(Masks(Path()), choice, config, Path(), device)
    return replace(job, preview_every=preview_every, tensorboard=tensorboard, per_frame=single)


def _jobs(
    roots: list[Any], output: Path, *, job: Job, height: int | None, frames: tuple[int, int] | None, every: int
) -> list[Job]:
    movie = output.suffix.lower() in MOVIES
    if len(roots) > 1 and movie:
        raise InputError(f"{output} can hold one sequence, and there are {len(roots)}; give a folder, or --sequence")
    first, last = frames or (0, None)
    jobs = []
    for root in roots:
        rows = root.open().size[0]
        masks = replace(root, height=height or min(rows, DEFAULT_HEIGHT), first=first, last=last, step=every)
        folder = output.with_suffix(".run") if movie else output / root.sequence if len(roots) > 1 else output
        jobs.append(replace(job, masks=masks, folder=folder))
    return jobs


def _make(jobs: list[Job], executor: LocalProcesses | Slurm | None, output: Path) -> None:
    from maskreel.inversion.job import make
    from maskreel.inversion.record import add_cost

    if executor is None:
        for job in jobs:
            add_cost(job.folder, [_watched(job)])
        return
    from maskreel.common.jobs import run_jobs

    items = [part for job in jobs for part in _parts(job)]
    folder = (jobs[0].folder if len(jobs) == 1 else output) / JOBS
    results = run_jobs(make, items, executor=executor, folder=folder)
    if failed := [result for result in results if result.error is not None]:
        assert failed[0].error is not None
        raise InputError(f"{len(failed)} of {len(results)} jobs failed: {failed[0].error.strip().splitlines()[-1]}")
    for job in jobs:
        add_cost(job.folder, [result.value for result in results if result.item.folder == job.folder])


def _parts(job: Job) -> list[Job]:
    """A job for every group of frames, where these do not depend on each other; none where all is done."""
    from maskreel.inversion.record import is_done
    from maskreel.inversion.work import groups

    sequence = job.masks.open()
    if is_done(job, sequence):
        return []
    if job.config.coherence != "none":
        return [job]
    return [replace(job, part=number) for number in range(len(groups(len(sequence), job.config.batch)))]


def _watched(job: Job) -> dict[str, Any]:
    """Make a sequence with a progress bar."""
    from maskreel.inversion.job import make

    bar = None

    def watch(state: Progress, work: Work) -> None:
        nonlocal bar
        if bar is None:
            bar = progress(description=job.folder.stem, total=work.steps, unit="steps")
        bar.update(work.step - bar.n)
        if state.loss is not None:
            bar.set_postfix_str(f"loss {state.loss:.3f}", refresh=False)

    try:
        return make(job, watch)
    finally:
        if bar is not None:
            bar.close()


def _join(jobs: list[Job], output: Path) -> None:
    """The video of a single sequence; the folders of many are what there is to say."""
    if output.suffix.lower() in MOVIES:
        from maskreel.inversion.exports import export_gif, export_video, from_run
        from maskreel.inversion.run_folder import RunFolder

        export_it = export_gif if output.suffix.lower() in (".gif", ".webp") else export_video
        export_it(output, from_run(RunFolder(jobs[0].folder)))
    logger.info("%s", output)


def _tidy(folders: list[Path], output: Path) -> None:
    """Delete what killed processes have left, now that all is made: unfinished files, and locks that nobody holds."""
    remove_scratch(output.parent, stem=output.stem)
    for folder in folders:
        for place in (folder, *(path for path in folder.iterdir() if path.is_dir())):
            remove_scratch(place)
        for lock in folder.glob(".*.lock"):  # of groups of frames; that of the folder is .lock
            lock.unlink(missing_ok=True)


def _estimate(jobs: list[Job]) -> int:
    from maskreel.inversion.estimate import estimate

    for job in jobs:
        logger.info("%s: %s", job.masks.sequence or job.masks.path, estimate(job))
    return 0
