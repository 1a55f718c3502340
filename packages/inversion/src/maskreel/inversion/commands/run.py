"""`maskreel inversion run`: frames and a video from masks."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 (tyro reads annotations at run time)
from typing import TYPE_CHECKING, Literal

from maskreel.common.job_folder import locked
from maskreel.inversion.commands._run_flags import FrameFlags, SequenceFlags, TeacherFlags
from maskreel.inversion.commands._run_jobs import make_all, remove_runs, tidy, write_movie
from maskreel.inversion.config import PRESETS, InversionConfig, Preset

if TYPE_CHECKING:
    from maskreel.inversion.job import Job

logger = logging.getLogger(__name__)

__all__ = ["RUNS"]


@dataclass(frozen=True, kw_only=True)
class Run(TeacherFlags, FrameFlags, SequenceFlags):
    """Make frames that show given masks, by optimising their pixels until a network sees the masks in them.

    MASKS is a folder of PNG masks, one PNG, a mask video, a COCO .json, an .npy of label maps, a video of the vfp
    data set, or the root of DAVIS. Frames, previews, log and record go to a folder: OUTPUT itself, or for a video
    OUTPUT the folder of the same name that ends in .run. Killed? Run the same command again: it goes on.
    """

    per_frame: Path | None = None
    """A .json file with weights of single frames, {"12": {"tv_l2": 2e-4}}, in place of those given by
    flags; with --coherence none and --batch 1."""
    preset: Preset = "default"
    """default, or thesis: single frames from pure noise with the published losses."""
    config: InversionConfig = PRESETS["default"]
    """How pixels are optimised."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute; auto is cuda where there is a device."""
    workers: int = 0
    """Processes that share the sequences, or the frames with --coherence none, or jobs of the Slurm array
    at a time; 0: this process alone, or 16 jobs."""
    slurm: str | None = None
    """Partition of a Slurm cluster that does the work as an array of jobs; all nodes must see the files.
    With --device cuda, each job asks for a GPU."""
    preview_every: int = 50
    """Steps from one preview to the next; 0: none."""
    tensorboard: bool = False
    """Write losses and previews for TensorBoard."""
    dry_run: bool = False
    """Say what it would take, in time and memory, and make nothing."""
    overwrite: bool = False
    """Replace what an earlier run has left."""

    def run(self) -> int:
        """Make all frames, and the video of a single sequence; or tell what that would take."""
        from maskreel.common.device import chosen_device
        from maskreel.common.jobs import chosen_executor

        executor = chosen_executor(self.workers, self.slurm, device=self.device)
        if self.slurm is None:  # the nodes of a cluster may have a device that is not here
            chosen_device(self.device)
        self.require_one_choice()
        jobs = self._jobs()
        if self.dry_run:
            return _estimate(jobs)
        folders = [job.folder for job in jobs]
        with ExitStack() as stack:
            for folder in folders:
                stack.enter_context(locked(folder))
            if self.overwrite:
                remove_runs(folders, self.output)
            make_all(jobs, executor, self.output)
            if self.is_movie:
                write_movie(self.output, folders[0])
            logger.info("%s", self.output)
            tidy(folders, self.output)
        return 0

    def _jobs(self) -> list[Job]:
        """One for each sequence."""
        from maskreel.inversion.job import Job
        from maskreel.inversion.per_frame import read_per_frame

        sources, teacher = self.sources(), self.teacher_choice()
        single = {} if self.per_frame is None else read_per_frame(self.per_frame)
        return [
            Job(
                masks=self.of(source),
                teacher=teacher,
                config=self.config,
                folder=self.folder(source.sequence, alone=len(sources) == 1),
                device=self.device,
                preview_every=self.preview_every,
                tensorboard=self.tensorboard,
                per_frame=single,
            )
            for source in sources
        ]


@dataclass(frozen=True, kw_only=True)
class ThesisRun(Run):
    """`Run` with other defaults."""

    __doc__ = Run.__doc__  # for --help
    preset: Preset = "thesis"
    config: InversionConfig = PRESETS["thesis"]


RUNS = {"default": Run, "thesis": ThesisRun}
"""The command, with the values of a preset where no flag says otherwise."""


def _estimate(jobs: list[Job]) -> int:
    from maskreel.inversion.estimate import estimate

    for job in jobs:
        logger.info("%s: %s", job.masks.sequence or job.masks.path, estimate(job))
    return 0
