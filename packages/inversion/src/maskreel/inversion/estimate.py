"""What a job would take, measured on a few of its steps."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from maskreel.inversion.job import work_of
from maskreel.inversion.memory import peak_mib

if TYPE_CHECKING:
    from collections.abc import Callable

    from maskreel.inversion.job import Job
    from maskreel.inversion.optimisation import Optimisation

__all__ = ["Estimate", "estimate"]


@dataclass(frozen=True)
class Estimate:
    """What a job would take on this machine, by one process."""

    frames: int
    size: tuple[int, int]
    steps: int
    seconds: float
    peak_mib: int
    """Memory of the process at its peak; on a GPU, of the GPU."""

    def __str__(self) -> str:
        minutes, seconds = divmod(round(self.seconds), 60)
        height, width = self.size
        return (
            f"{self.frames} frames of {height}x{width} in {self.steps} steps: about {minutes} min {seconds:02d} s, "
            f"{self.peak_mib} MiB of memory"
        )


def estimate(job: Job) -> Estimate:
    """Do the first steps at each size and scale up; nothing is written.

    Raises:
        InputError: The masks or the teacher cannot be used.
    """
    sequence = job.masks.open()
    work = work_of(job, sequence)
    seconds = work.parts * _seconds_of_part(work.begin(0))
    return Estimate(len(sequence), sequence.size, work.steps, seconds, peak_mib())


def _seconds_of_part(optimisation: Optimisation) -> float:
    total, end = 0.0, 0
    for steps in optimisation.steps_by_stage:
        end += steps
        seconds = 0.0
        for _ in range(2):  # the first step of a size is slower than those that follow
            if optimisation.step < end:
                seconds = _timed(optimisation.advance)
        total += seconds * steps
        if optimisation.step < end:
            total += _timed(optimisation.next_stage)
    return total


def _timed(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began
