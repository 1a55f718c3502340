"""`Job`: one sequence, or some of its frames, made into a run folder by a process that knows nothing else."""

from __future__ import annotations

import json
import logging
import time
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import torch

from maskreel.common.atomic import atomic_path
from maskreel.common.device import chosen_device
from maskreel.common.errors import InputError, MissingExtraError
from maskreel.common.job_folder import locked
from maskreel.common.show import contact_sheet, save_image
from maskreel.common.weights import load_checkpoint
from maskreel.inversion.append_line import append_line
from maskreel.inversion.choices import Masks, TeacherChoice, targets_of
from maskreel.inversion.interruption import Interruption
from maskreel.inversion.memory import peak_mib
from maskreel.inversion.record import is_done, open_run
from maskreel.inversion.schedule import stages

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from maskreel.inversion.config import InversionConfig
    from maskreel.inversion.optimisation import Progress
    from maskreel.inversion.run_folder import RunFolder
    from maskreel.inversion.sources import MaskSequence
    from maskreel.inversion.work import Work

__all__ = ["Job", "make", "work_of"]

logger = logging.getLogger(__name__)

SAVE_SECONDS = 30.0
"""Time between two saves of the state."""
SHOWN = 8
"""Frames on a preview."""


@dataclass(frozen=True)
class Job:
    """What a process needs to know."""

    masks: Masks
    teacher: TeacherChoice
    config: InversionConfig
    folder: Path
    device: Literal["auto", "cpu", "cuda"] = "cpu"
    """auto: what the process that makes it finds."""
    part: int | None = None
    """Only this group of frames; None: all of them."""
    preview_every: int = 50
    """Steps from one preview to the next; 0: none."""
    tensorboard: bool = False
    per_frame: dict[int, dict[str, float]] = field(default_factory=dict)
    """Weights of single frames, see `read_per_frame`."""

    @property
    def name(self) -> str:
        """In the names of the files that only the process of this job writes."""
        return "all" if self.part is None else f"{self.part:05d}"


def make(job: Job, watch: Callable[[Progress, Work], None] | None = None) -> dict[str, Any]:
    """Make all frames that are not there yet; goes on where an earlier call was stopped.

    Frames appear in the folder as soon as they will not change again. After a stop by Ctrl-C the best so far are in
    `best_so_far`.

    Args:
        job: What to make.
        watch: Called after each step.

    Returns:
        What this call took: "seconds", "iterations" and "peak_mib".

    Raises:
        InputError: The masks or the teacher cannot be used, or the folder holds a run of another kind, or another
            process makes the same frames, or the device is not there.
    """
    job = replace(job, device=chosen_device(job.device))
    sequence = job.masks.open()
    if is_done(job, sequence):
        return {"seconds": 0.0, "iterations": 0, "peak_mib": peak_mib()}
    work = work_of(job, sequence)
    if job.part is not None:
        work.only(job.part)
    with locked(job.folder, name=f".{job.name}.lock"):  # only now: what cannot be done leaves no folder
        run = open_run(job, sequence)
        return _Making(job, run, sequence, work).run(watch)


def work_of(job: Job, sequence: MaskSequence) -> Work:
    """What is to be done for all frames.

    Raises:
        InputError: The teacher cannot be used, or the frames are too small for so many sizes.
    """
    try:
        stages(sequence.size, job.config.stages)
    except ValueError as error:
        raise InputError(f"{job.masks.path}: {error}") from error
    inverter = job.teacher.inverter(job.config, chosen_device(job.device), job.per_frame)
    return inverter.work(targets_of(sequence, inverter.teacher))


def _restore(work: Work, file: Path) -> None:
    try:
        work.restore(load_checkpoint(file))
    except InputError as error:
        raise InputError(f"{error}; delete it, and its part begins anew") from error
    except (AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:  # whatever does not fit
        raise InputError(f"{file} is no state of this run ({error!r}); delete it, and its part begins anew") from error


class _Making:
    """A work whose results, state, log and previews go to a folder."""

    def __init__(self, job: Job, run: RunFolder, sequence: MaskSequence, work: Work) -> None:
        self.job, self.run_folder, self.sequence, self.work = job, run, sequence, work
        self.state_file = run.folder / f"state_{job.name}.pt"
        self.log_file = run.folder / f"log_{job.name}.jsonl"
        self.began = self.saved = time.perf_counter()
        self.steps = 0
        self.interruption, self.between_steps = Interruption(), True
        self.writer = _tensorboard(run.folder / "tensorboard" / job.name) if job.tensorboard else None

    def run(self, watch: Callable[[Progress, Work], None] | None) -> dict[str, Any]:
        if self.state_file.is_file():
            _restore(self.work, self.state_file)
        try:
            with self.interruption:
                self.between_steps = False
                self.work.run(lambda progress: self._watch(progress, watch), self._finished)
        except KeyboardInterrupt:
            self._keep_best()
            raise
        finally:
            if self.writer is not None:
                self.writer.close()
        self.state_file.unlink(missing_ok=True)
        seconds = round(time.perf_counter() - self.began, 2)
        return {"seconds": seconds, "iterations": self.steps, "peak_mib": peak_mib()}

    def _watch(self, progress: Progress, watch: Callable[[Progress, Work], None] | None) -> None:
        self.steps += 1
        self.between_steps = True
        if progress.loss is not None:
            self._log(progress)
        if self.job.preview_every and progress.step % self.job.preview_every == 0:
            self._preview(progress)
        if time.perf_counter() - self.saved > SAVE_SECONDS:
            self._save()
        if watch is not None:
            watch(progress, self.work)
        if self.interruption.asked:
            raise KeyboardInterrupt
        self.between_steps = False

    def _finished(self, start: int, frames: torch.Tensor) -> None:
        for number, frame in enumerate(frames, start):
            self.run_folder.write_frame(number, frame, self.sequence.labels(number))
        self._save()

    def _save(self) -> None:
        with atomic_path(self.state_file) as scratch:
            torch.save(self.work.state(), scratch)
        self.saved = time.perf_counter()

    def _keep_best(self) -> None:
        if self.between_steps:  # else an earlier state is the newest whole one
            self._save()
        if (best := self.work.best()) is None:
            return
        start, frames = best
        folder = self.run_folder.folder / "best_so_far"
        folder.mkdir(exist_ok=True)
        for number, frame in enumerate(frames, start):
            save_image(folder / f"{number:05d}.png", frame)
        logger.warning("stopped; the best frames so far are in %s, the same command goes on from here", folder)

    def _log(self, progress: Progress) -> None:
        line = asdict(progress) | {"part": self.work.part, "seconds": round(time.perf_counter() - self.began, 2)}
        append_line(self.log_file, json.dumps(line))
        if self.writer is not None:
            for name, value in (progress.terms | {"loss": progress.loss}).items():
                self.writer.add_scalar(name, value, self.work.step)

    def _preview(self, progress: Progress) -> None:
        assert self.work.current is not None
        with torch.no_grad():
            count = len(self.work.current.painting)
            chosen = sorted({round(k * (count - 1) / max(1, SHOWN - 1)) for k in range(SHOWN)})
            frames = (self.work.current.painting.frames(chosen).clamp(0, 1) * 255).round().to(torch.uint8).cpu()
        folder = self.run_folder.folder / "previews"
        folder.mkdir(exist_ok=True)
        sheet = contact_sheet(list(frames), columns=4)
        save_image(folder / f"{self.work.part:03d}_{progress.step:05d}.png", sheet)
        if self.writer is not None:
            self.writer.add_image("frames", sheet, self.work.step)


def _tensorboard(folder: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise MissingExtraError("tensorboard", "maskreel-inversion[tensorboard]") from error
    return SummaryWriter(str(folder))
