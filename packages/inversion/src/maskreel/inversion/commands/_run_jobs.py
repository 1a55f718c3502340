"""What `maskreel inversion run` does with its jobs: folders made ready, frames, the video, nothing left behind."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from maskreel.common.atomic import remove_scratch
from maskreel.common.cli import progress
from maskreel.common.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from maskreel.common.jobs import LocalProcesses, Slurm
    from maskreel.inversion.job import Job
    from maskreel.inversion.optimisation import Progress
    from maskreel.inversion.work import Work

__all__ = ["make_all", "remove_runs", "tidy", "write_movie"]

JOBS = "jobs"
"""Folder of what processes leave for this one."""


def remove_runs(folders: list[Path], output: Path) -> None:
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
        shutil.rmtree(output / JOBS, ignore_errors=True)


def make_all(jobs: list[Job], executor: LocalProcesses | Slurm | None, output: Path) -> None:
    """All frames of all jobs, here with a progress bar or by an executor; each run's record gets its cost.

    Raises:
        InputError: A job of the executor has failed.
    """
    from maskreel.inversion.record import add_cost

    if executor is None:
        for job in jobs:
            add_cost(job.folder, [_watched(job)])
        return
    from maskreel.common.jobs import run_jobs
    from maskreel.inversion.job import make

    items = [part for job in jobs for part in _parts(job)]
    folder = (jobs[0].folder if len(jobs) == 1 else output) / JOBS
    results = run_jobs(make, items, executor=executor, folder=folder)
    if failed := [result for result in results if result.error is not None]:
        assert failed[0].error is not None
        raise InputError(f"{len(failed)} of {len(results)} jobs failed: {failed[0].error.strip().splitlines()[-1]}")
    for job in jobs:
        add_cost(job.folder, [result.value for result in results if result.item.folder == job.folder])


def write_movie(output: Path, folder: Path) -> None:
    """The frames of a run as one file."""
    from maskreel.inversion.exports import export_gif, export_video, from_run
    from maskreel.inversion.run_folder import RunFolder

    export_it = export_gif if output.suffix.lower() in (".gif", ".webp") else export_video
    export_it(output, from_run(RunFolder(folder)))


def tidy(folders: list[Path], output: Path) -> None:
    """Delete what killed processes have left, now that all is made: unfinished files, and locks that nobody holds."""
    remove_scratch(output.parent, stem=output.stem)
    for folder in folders:
        for place in (folder, *(path for path in folder.iterdir() if path.is_dir())):
            remove_scratch(place)
        for lock in folder.glob(".*.lock"):  # of groups of frames; that of the folder is .lock
            lock.unlink(missing_ok=True)


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
