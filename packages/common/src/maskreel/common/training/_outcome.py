"""How a run ends: with a result, preempted, or diverged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from maskreel.common.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["DivergedError", "Preempted", "TrainingResult"]


@dataclass(frozen=True)
class TrainingResult:
    """A finished run."""

    steps: int
    """Optimiser steps taken."""
    losses: dict[str, float]
    """Means over the last steps, as in the last such line of the log."""
    metrics: dict[str, float]
    """What the last evaluation gave; empty without one."""
    best: float | None
    """The best value of the metric that `TrainingConfig.best` names; None without one."""
    weights: Path
    """`final.safetensors`: the state of `task.module`, with the averaged weights if there are any."""
    best_weights: Path | None
    """`best.safetensors`, the same at the best evaluation; None without a best metric."""
    seconds: float
    """Time spent in training and evaluation, over all the interruptions."""


class Preempted(SystemExit):
    """The run was asked to stop (SIGUSR1 or SIGTERM), has saved itself and goes on when it is called again.

    A `SystemExit`, so a command that lets it pass ends with the exit code 75 (`EX_TEMPFAIL`: try again).
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.code = 75


class DivergedError(InputError):
    """A loss became infinite or not a number; the last checkpoint is kept."""
