"""Checkpoints: whole files of plain values and tensors, from which a run goes on exactly."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import torch

from maskreel.common.atomic import atomic_path
from maskreel.common.errors import InputError
from maskreel.common.training._random import random_states, restore_random_states, seed_generators, seed_of
from maskreel.common.weights import load_checkpoint, load_into

if TYPE_CHECKING:
    from pathlib import Path

    from maskreel.common.training._run import Run

__all__ = ["resume", "save_checkpoint"]

logger = logging.getLogger(__name__)

PROCESS = 3
"""What the seed is for: the random numbers of a process (see `_data`)."""


def save_checkpoint(run: Run) -> None:
    """Write the state after the present step and delete checkpoints that are older than the newest `keep`."""
    states = run.processes.gather(random_states(cuda=_on_cuda(run)))
    if not run.processes.first:
        return
    state = {
        "module": run.task.module.state_dict(),
        "optimiser": run.optimiser.state_dict(),
        "average": None if run.average is None else run.average.state(),
        "progress": run.progress.state(),
        "random": states,
    }
    with atomic_path(run.folder.checkpoints / f"step_{run.progress.step:08}.pth") as scratch:
        torch.save(state, scratch)
    for path in _newest_first(run.folder.checkpoints)[run.config.keep :]:
        path.unlink()


def resume(run: Run) -> None:
    """Load the newest checkpoint, if there is one, and set the random numbers of this process.

    Raises:
        InputError: The checkpoint cannot be read, or is of another module.
    """
    newest = run.processes.by_first(lambda: _newest(run.folder.checkpoints))
    states = [] if newest is None else _load(run, newest)
    if len(states) == run.processes.count:
        restore_random_states(states[run.processes.rank])
        return
    if states:
        logger.warning("%s is of %d processes, not %d: it goes on inexactly", newest, len(states), run.processes.count)
    seed = seed_of(PROCESS, run.config.seed, run.processes.rank, run.progress.step)
    seed_generators(seed, cuda=_on_cuda(run))


def _load(run: Run, path: Path) -> list[dict[str, Any]]:
    """Put the state into `run` and return the random states, one for each process."""
    try:
        state = load_checkpoint(path)
    except (InputError, OSError) as error:
        raise InputError(f"{path}: cannot be read ({error}); delete it to go on from the one before") from error
    try:
        load_into(run.task.module, state["module"], source=str(path))
        run.optimiser.load_state_dict(state["optimiser"])
        if run.average is not None:
            run.average.load(state["average"])
        run.progress.load(state["progress"])
        states = list(state["random"])
    except InputError:
        raise
    except (AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:  # whatever does not fit
        raise InputError(f"{path}: is no state of this training ({error!r}); delete it") from error
    logger.info("going on from %s", path)
    return states


def _newest(folder: Path) -> Path | None:
    return next(iter(_newest_first(folder)), None)


def _newest_first(folder: Path) -> list[Path]:
    return sorted(folder.glob("step_*.pth"), reverse=True)


def _on_cuda(run: Run) -> bool:
    return run.processes.device.type == "cuda"
