"""`train`: one call from a task and a data set to weights."""

from __future__ import annotations

import logging
import math
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maskreel.common.errors import InputError, MissingExtraError
from maskreel.common.training._outcome import Preempted, TrainingResult

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator

    from maskreel.common.training._config import TrainingConfig
    from maskreel.common.training._folder import RunFolder
    from maskreel.common.training._processes import Processes
    from maskreel.common.training._run import Run
    from maskreel.common.training._signals import StopSignals
    from maskreel.common.training._task import TrainingTask

logger = logging.getLogger(__name__)


def train(
    task: TrainingTask,
    dataset: Any,
    config: TrainingConfig,
    folder: str | os.PathLike[str],
    *,
    collate: Callable[[list[Any]], Any] | None = None,
) -> TrainingResult:
    """Train `task.module` on `dataset`, or go on with it, and return where the weights are.

    A call with the same arguments after an interruption of any kind goes on from the newest checkpoint and gives the
    same weights, bit for bit, as one without interruption (on CUDA as far as its kernels are deterministic). A
    finished run returns at once. Either way `task.module` then holds the final weights and is in evaluation mode.

    `folder` gets `training.json` (config, versions, device, command line, result), `log.jsonl`, `checkpoints/`,
    `samples/`, `best.safetensors` and `final.safetensors`, and may be moved between runs.

    Args:
        task: What to train; its module's present weights are the start.
        dataset: Map-style: `len(dataset)` and `dataset[index]`. What it draws in `dataset[index]` from the global
            generators of torch, NumPy and `random` is a function of (seed, epoch, index) alone.
        config: How to train.
        folder: Of this run alone.
        collate: Makes a batch of a list of samples, without random numbers, as in `DataLoader`.

    Raises:
        InputError: The folder holds a run of another config or task, another process trains in it, or the config does
            not fit the machine or the data.
        DivergedError: A loss is not finite.
        Preempted: SIGUSR1 or SIGTERM came, and the run, if it had begun, has been saved; under Slurm the job is queued
            again after SIGUSR1 (submit with `--signal=USR1@90 --requeue`).
        MissingExtraError: mmengine is not installed.
    """
    _require_mmengine()
    from maskreel.common.training._folder import RunFolder
    from maskreel.common.training._processes import joined_processes
    from maskreel.common.training._runner import global_instances_restored
    from maskreel.common.training._signals import noted_stop_signals

    with ExitStack() as stack:
        signals = stack.enter_context(noted_stop_signals())  # first: what follows may wait for others
        processes = stack.enter_context(joined_processes(config))
        _check(task, dataset, config, processes)
        place = RunFolder(Path(folder))
        finished = processes.by_first(lambda: _begun(place, task, len(dataset), config, processes, stack))
        if finished is not None:
            _load_weights(task, finished.weights)
            return finished
        stack.enter_context(_process_as_found(config, processes))
        stack.enter_context(global_instances_restored())
        run = _prepared(task, dataset, config, place, processes, signals)
        signals.under_way = True
        _train(run, dataset, collate)
        return _finished(run)


def _require_mmengine() -> None:
    try:
        import mmengine.runner  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(error.name or "mmengine", "maskreel-common[train]") from error


def _check(task: TrainingTask, dataset: Any, config: TrainingConfig, processes: Processes) -> None:
    from maskreel.common.training._task import TrainingTask

    if not hasattr(dataset, "__len__") or not hasattr(dataset, "__getitem__"):
        raise TypeError(f"dataset must have __len__ and __getitem__, got {type(dataset).__name__}")
    if len(dataset) == 0:
        raise InputError("the data set to train on is empty")
    if config.best is not None and type(task).evaluate is TrainingTask.evaluate:
        raise InputError(f"best is '{config.best}', but {type(task).__name__} evaluates nothing; leave best out")
    parts = processes.count * config.accumulate
    if config.batch_size % parts:
        raise InputError(
            f"batch_size must be a multiple of {parts} ({processes.count} processes, accumulate {config.accumulate}), "
            f"got {config.batch_size}"
        )


def _begun(
    place: RunFolder, task: TrainingTask, samples: int, config: TrainingConfig, processes: Processes, stack: ExitStack
) -> TrainingResult | None:
    """In the first process: the result of a finished run, or None, and then the folder is this run's until the end."""
    from maskreel.common.job_folder import locked

    asked = place.asked(config, samples, task.identity())
    finished = place.finished(asked)
    if finished is None:
        stack.enter_context(locked(place.path))
        finished = place.finished(asked)  # the other run may have ended in between
    if finished is None:
        place.begin(asked, processes.device)
    elif place.lock.exists():  # of a process that was killed after its last step; it goes when it is let go of
        with suppress(InputError), locked(place.path):
            pass
    return finished


@contextmanager
def _process_as_found(config: TrainingConfig, processes: Processes) -> Iterator[None]:
    """Threads, random numbers and the keeping of memory for the block only."""
    import torch

    from maskreel.common.training._memory import freed_memory_kept
    from maskreel.common.training._random import restored_random_states

    threads, cuda = torch.get_num_threads(), processes.device.type == "cuda"
    with restored_random_states(cuda=cuda), nullcontext() if cuda else freed_memory_kept():
        if config.threads is not None:
            torch.set_num_threads(config.threads)
        try:
            yield
        finally:
            torch.set_num_threads(threads)


def _prepared(
    task: TrainingTask,
    dataset: Any,
    config: TrainingConfig,
    folder: RunFolder,
    processes: Processes,
    signals: StopSignals,
) -> Run:
    """The run as it was when it stopped, or as it begins."""
    from maskreel.common.training._average import WeightAverage
    from maskreel.common.training._checkpoints import resume
    from maskreel.common.training._optimiser import PrecisionWrapper, make_optimiser
    from maskreel.common.training._run import Run

    task.module.to(processes.device).train()
    run = Run(
        task,
        config,
        steps=_steps(config, len(dataset)),
        folder=folder,
        processes=processes,
        signals=signals,
        optimiser=PrecisionWrapper(make_optimiser(task.module, config), config, processes.device),
        average=None if config.ema is None else WeightAverage(task.module, config.ema),
    )
    resume(run)
    return run


def _steps(config: TrainingConfig, samples: int) -> int:
    return config.steps if config.epochs is None else math.ceil(config.epochs * samples / config.batch_size)


def _train(run: Run, dataset: Any, collate: Callable[[list[Any]], Any] | None) -> None:
    from maskreel.common.training._batch_norm import shared_batch_norm
    from maskreel.common.training._data import Batches, data_loader
    from maskreel.common.training._hooks import ProgressHook, make_hooks
    from maskreel.common.training._log import Log
    from maskreel.common.training._model import TaskModel, distributed
    from maskreel.common.training._runner import StepRunner

    batches = Batches(len(dataset), run.config, run.steps, run.processes)
    batches.first = run.progress.step
    on_cuda = run.processes.device.type == "cuda"
    loader = data_loader(dataset, batches, run.config, collate=collate, pin_memory=on_cuda)
    model = TaskModel(run.task, run.processes, run.progress)
    wrapped = model if run.config.launcher == "none" else distributed(model, run.processes)
    with ExitStack() as stack:
        stack.enter_context(shared_batch_norm(run.task, run.processes))
        log = bar = None
        if run.processes.first:
            log = Log(run.folder, run.progress, tensorboard=run.config.tensorboard)
            stack.callback(log.close)
            bar = ProgressHook(run)
            stack.callback(bar.close)
        StepRunner(wrapped, run, loader, make_hooks(run, log, bar)).train()


def _finished(run: Run) -> TrainingResult:
    """Write the result and leave the final weights in the module; or tell that the run was stopped before."""
    if run.progress.step < run.steps:
        raise _preempted(run)
    state = run.progress
    result = TrainingResult(
        steps=run.steps,
        losses=state.losses,
        metrics=state.metrics,
        best=state.best,
        weights=run.folder.final,
        best_weights=None if state.best is None else run.folder.best,
        seconds=round(state.seconds, 3),
    )
    run.processes.by_first(lambda: (run.save_weights(run.folder.final), run.folder.finish(result)))
    _load_weights(run.task, run.folder.final)
    return result


def _preempted(run: Run) -> Preempted:
    from maskreel.common.training._signals import requeue

    if run.processes.any(run.signals.requeues) and run.processes.first:
        requeue()
    message = (
        f"training in {run.folder.path} was stopped by a signal and saved after step {run.progress.step} of "
        f"{run.steps}; run the same command again to go on"
    )
    if run.processes.first:
        logger.warning(message)
    return Preempted(message)


def _load_weights(task: TrainingTask, path: Path) -> None:
    from maskreel.common.weights import load_into, load_state_dict

    load_into(task.module, load_state_dict(path), source=str(path))
    task.module.eval()
