"""mmengine's Runner without its files, its messages and its changes to the process, and a loop that resumes exactly."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mmengine.dist import get_dist_info
from mmengine.logging import MessageHub, MMLogger
from mmengine.runner import Runner
from mmengine.runner.base_loop import BaseLoop

from maskreel.common.training._data import loading

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mmengine.hooks import Hook
    from torch import nn
    from torch.utils.data import DataLoader

    from maskreel.common.training._run import Run

__all__ = ["StepRunner"]

logger = logging.getLogger(__name__)

NO_DEFAULT_HOOKS = dict.fromkeys(
    ("runtime_info", "timer", "sampler_seed", "logger", "param_scheduler", "checkpoint"), None
)
NAME = "maskreel"


class StepRunner(Runner):
    """A Runner that is given built parts and leaves everything outside them alone."""

    def __init__(self, model: nn.Module, run: Run, loader: DataLoader[Any], hooks: list[Hook]) -> None:
        self._run = run
        super().__init__(
            model,
            str(run.folder.path),
            train_dataloader=loader,
            train_cfg={},
            optim_wrapper=run.optimiser,
            default_hooks=NO_DEFAULT_HOOKS,  # pyright: ignore[reportArgumentType]
            custom_hooks=list(hooks),
            launcher=run.config.launcher,
            experiment_name=NAME,
            default_scope=None,  # pyright: ignore[reportArgumentType]
        )

    def setup_env(self, env_cfg: dict[str, Any]) -> None:
        """mmengine's sets the start method, threads and limits of the process."""
        self._rank, self._world_size = get_dist_info()
        self._timestamp = ""  # would name a folder in the work_dir

    def set_randomness(self, *arguments: Any, **options: Any) -> None:
        """Random numbers come from the checkpoint or the config."""
        self._seed, self._deterministic = self._run.config.seed, False

    def build_logger(self, *arguments: Any, **options: Any) -> MMLogger:
        """A logger that passes everything on to ours, for `maskreel -v`."""
        own = MMLogger.get_instance(NAME)
        own.handlers = [_PassOn()]
        return own

    def build_visualizer(self, visualizer: Any = None) -> Any:
        return None

    def wrap_model(self, model_wrapper_cfg: Any, model: nn.Module) -> nn.Module:
        """The model is where it belongs already."""
        return model

    def _init_model_weights(self) -> None: ...

    def _log_env(self, env_cfg: dict[str, Any]) -> None: ...

    def dump_config(self) -> None: ...

    def load_or_resume(self) -> None:
        """Our own checkpoints are loaded before."""

    def build_train_loop(self, loop: Any) -> BaseLoop:
        return _StepLoop(self, self._train_dataloader, self._run)


class _StepLoop(BaseLoop):
    """Optimiser steps from `run.progress.step` on; the loader starts there, too."""

    def __init__(self, runner: Runner, dataloader: Any, run: Run) -> None:
        super().__init__(runner, dataloader)
        self._run = run

    @property
    def iter(self) -> int:
        return self._run.progress.step * self._run.config.accumulate

    @property
    def max_iters(self) -> int:
        return self._run.steps * self._run.config.accumulate

    epoch, max_epochs = 0, 1

    def run(self) -> nn.Module:
        run, runner = self._run, self.runner
        runner.model.train()
        runner.call_hook("before_train")
        with loading(self.dataloader) as batches:
            while run.progress.step < run.steps and not run.stopping:
                runner.call_hook("before_train_iter", batch_idx=run.progress.step)
                losses = self._step(batches)
                run.progress.step += 1
                run.stopping = run.progress.step < run.steps and run.processes.any(run.signals.received is not None)
                runner.call_hook("after_train_iter", batch_idx=run.progress.step, outputs=losses)
        runner.call_hook("after_train")
        return runner.model

    def _step(self, batches: Iterator[Any]) -> dict[str, float]:
        """One optimiser step; the mean losses over its parts."""
        parts = self._run.config.accumulate
        logged = [
            self.runner.model.train_step(next(batches), optim_wrapper=self.runner.optim_wrapper) for _ in range(parts)
        ]
        return {name: sum(part[name] for part in logged) / parts for name in logged[0]}


class _PassOn(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        logger.debug("mmengine: %s", record.getMessage())


@contextmanager
def global_instances_restored() -> Iterator[None]:
    """mmengine keeps loggers and message hubs in tables by name; take ours out again."""
    tables = [MMLogger._instance_dict, MessageHub._instance_dict]
    before = [dict(table) for table in tables]
    try:
        yield
    finally:
        for table, entries in zip(tables, before, strict=True):
            table.clear()
            table.update(entries)
