"""`Job`: one sequence, or some of its frames, made into a run folder by a process that knows nothing else."""

from __future__ import annotations

import json
import logging
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch

from maskreel.common.atomic import atomic_path
from maskreel.common.errors import MissingExtraError
from maskreel.common.show import contact_sheet, save_image
from maskreel.inversion.choices import Masks, TeacherChoice, targets_of  # noqa: TC001
from maskreel.inversion.memory import peak_mib
from maskreel.inversion.record import open_run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from maskreel.inversion.config import InversionConfig
    from maskreel.inversion.optimisation import Progress
    from maskreel.inversion.run_folder import RunFolder
    from maskreel.inversion.sources import MaskSequence
    from maskreel.inversion.work import Work

__all__ = ["Job", "make"]

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
    device: str = "cpu"
    part: int | None = None
    """Only this group of frames; None: all of them."""
    preview: int = 50
    """Steps from one preview to the next; 0: none."""
    tensorboard: bool = False


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
        InputError: The masks or the teacher cannot be used, or the folder holds a run of another kind.
    """
    sequence = job.masks.open()
    run = open_run(job.folder, sequence, job.masks, job.teacher, job.config, job.device)
    if len(run.frames_done()) == len(sequence):
        return {"seconds": 0.0, "iterations": 0, "peak_mib": peak_mib()}
    inverter = job.teacher.inverter(job.config, job.device)
    work = inverter.work(targets_of(sequence, inverter.teacher))
    if job.part is not None:
        work.only(job.part)
    return _Making(job, run, sequence, work).run(watch)


class _Making:
    """A work whose results, state, log and previews go to a folder."""

    def __init__(self, job: Job, run: RunFolder, sequence: MaskSequence, work: Work) -> None:
        self.job, self.run_folder, self.sequence, self.work = job, run, sequence, work
        name = "all" if job.part is None else f"{job.part:05d}"
        self.state_file = run.folder / "state" / f"{name}.pt"
        self.log_file = run.folder / f"log_{name}.jsonl"
        self.began = self.saved = time.perf_counter()
        self.steps = 0
        self.writer = _tensorboard(run.folder / "tensorboard" / name) if job.tensorboard else None

    def run(self, watch: Callable[[Progress, Work], None] | None) -> dict[str, Any]:
        if self.state_file.is_file():
            self.work.restore(torch.load(self.state_file, map_location="cpu", weights_only=True))
        try:
            self.work.run(lambda progress: self._watch(progress, watch), self._finished)
        except KeyboardInterrupt:
            self._keep_best()
            raise
        self.state_file.unlink(missing_ok=True)
        with suppress(OSError):
            self.state_file.parent.rmdir()
        seconds = round(time.perf_counter() - self.began, 2)
        return {"seconds": seconds, "iterations": self.steps, "peak_mib": peak_mib()}

    def _watch(self, progress: Progress, watch: Callable[[Progress, Work], None] | None) -> None:
        self.steps += 1
        if progress.loss is not None:
            self._log(progress)
        if self.job.preview and progress.step % self.job.preview == 0:
            self._preview(progress)
        if time.perf_counter() - self.saved > SAVE_SECONDS:
            self._save()
        if watch is not None:
            watch(progress, self.work)

    def _finished(self, start: int, frames: torch.Tensor) -> None:
        for number, frame in enumerate(frames, start):
            self.run_folder.write_frame(number, frame, self.sequence.labels(number))
        self._save()

    def _save(self) -> None:
        with atomic_path(self.state_file) as scratch:
            torch.save(self.work.state(), scratch)
        self.saved = time.perf_counter()

    def _keep_best(self) -> None:
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
        with self.log_file.open("a") as file:
            file.write(json.dumps(line) + "\n")
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
