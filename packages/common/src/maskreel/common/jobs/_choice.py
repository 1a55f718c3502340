"""Where a command's jobs run, as its options --workers, --slurm and --device say."""

from __future__ import annotations

from typing import Literal

from maskreel.common.errors import InputError
from maskreel.common.jobs._executors import LocalProcesses, Slurm

__all__ = ["chosen_executor"]

_SLURM_JOBS = 16


def chosen_executor(
    workers: int, slurm: str | None, *, device: Literal["auto", "cpu", "cuda"]
) -> LocalProcesses | Slurm | None:
    """Processes of this machine, an array of Slurm jobs, or None: this process.

    Args:
        workers: Processes, or jobs of the array that run at a time; 0: this process, or 16 jobs.
        slurm: The partition; None: this machine.
        device: Where they compute. Processes see all CUDA devices unless it is cpu. A job asks for a GPU if it is cuda;
            auto takes what the cluster gives unasked.

    Raises:
        InputError: `workers` is negative.
    """
    if workers < 0:
        raise InputError(f"--workers {workers}: write 0 (this process alone) or more")
    if slurm is not None:
        return Slurm(slurm, gpus=int(device == "cuda"), parallel=workers or _SLURM_JOBS)
    if not workers:
        return None
    import torch

    return LocalProcesses(workers, gpus=0 if device == "cpu" else torch.cuda.device_count())
