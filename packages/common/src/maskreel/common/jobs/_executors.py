"""Where jobs run: processes of this machine or a Slurm cluster, both through submitit."""

from __future__ import annotations

import logging
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from maskreel.common.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LocalProcesses:
    """Jobs on this machine, each in a process of its own."""

    workers: int = 2
    """Jobs at a time; 0 runs them one after the other in this process, without submitit, for debugging."""
    gpus: int = 0
    """Every job sees the first `gpus` CUDA devices; with 0 it sees none."""
    minutes: float = 7 * 24 * 60
    """A job is stopped after this long."""

    poll_seconds = 0.05

    def __post_init__(self) -> None:
        if self.workers < 0:
            raise ValueError(f"workers must be 0 or more, got {self.workers}")

    @property
    def at_once(self) -> int:
        """Jobs that are submitted and not yet done at a time."""
        return self.workers

    def launcher(self, logs: Path) -> Any:
        """A submitit executor that writes to `logs`."""
        launcher = submitit_module().LocalExecutor(logs)
        launcher.update_parameters(gpus_per_node=self.gpus, timeout_min=self.minutes)
        return launcher

    def alive(self, tickets: Iterable[Any]) -> set[str]:
        """Ids of the submitted jobs that still run."""
        return {ticket.job_id for ticket in tickets if not ticket.done()}


@dataclass(frozen=True)
class Slurm:
    """Jobs as an array of a Slurm cluster; `folder` must be visible to its nodes.

    A job that is preempted or reaches its time limit goes back to the queue and its item starts again.
    """

    partition: str
    """Where to queue."""
    minutes: int = 60
    """Time limit of a job."""
    cpus: int = 1
    """Cores of a job."""
    gpus: int = 0
    """GPUs of a job."""
    memory_gb: float = 4.0
    """Memory of a job."""
    parallel: int = 256
    """Jobs that may run at a time."""
    setup: tuple[str, ...] = ()
    """Shell lines to run before each job, for example "module load cuda"."""
    options: Mapping[str, str] = field(default_factory=dict)
    """More sbatch options, for example {"account": "vision", "qos": "low"}."""

    at_once = 1000  # one below the usual MaxArraySize
    poll_seconds = 5.0

    def launcher(self, logs: Path) -> Any:
        """A submitit executor that writes to `logs`."""
        launcher = submitit_module().SlurmExecutor(logs)
        launcher.update_parameters(
            job_name="maskreel",
            partition=self.partition,
            time=self.minutes,
            cpus_per_task=self.cpus,
            mem=f"{round(self.memory_gb * 1024)}M",
            array_parallelism=self.parallel,
            setup=list(self.setup),
            additional_parameters=dict(self.options),
            **({"gpus_per_node": self.gpus} if self.gpus else {}),
        )
        return launcher

    def alive(self, tickets: Iterable[Any]) -> set[str]:
        """Ids of the submitted jobs that wait or run; squeue knows them on clusters without accounting, too."""
        command = ["squeue", "--me", "--noheader", "--array", "--format=%i"]
        try:
            queued = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
        except subprocess.CalledProcessError as error:
            logger.warning("squeue does not answer, asking again later: %s", error.stderr.strip())
            return {ticket.job_id for ticket in tickets}
        return {ticket.job_id for ticket in tickets} & set(queued)


def submitit_module() -> Any:
    try:
        import submitit
    except ImportError as error:
        raise MissingExtraError("submitit", "maskreel-common[slurm]") from error
    return submitit
