"""What happens beside the steps, as hooks of mmengine's Runner, in the order in which they run."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from mmengine.hooks import Hook

from maskreel.common.cli import progress
from maskreel.common.errors import InputError
from maskreel.common.show import save_image
from maskreel.common.training._checkpoints import save_checkpoint
from maskreel.common.training._schedule import learning_rate

if TYPE_CHECKING:
    from maskreel.common.training._log import Log
    from maskreel.common.training._run import Run

__all__ = ["make_hooks"]


class _RunHook(Hook):
    def __init__(self, run: Run) -> None:
        self._run = run

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        self.before_step()

    def after_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        self.after_step(outputs)

    def before_step(self) -> None: ...

    def after_step(self, losses: dict[str, float]) -> None: ...


class ScheduleHook(_RunHook):
    """Sets the learning rate of each step."""

    def before_step(self) -> None:
        rate = learning_rate(self._run.config, self._run.progress.step, self._run.steps)
        for group in self._run.optimiser.optimizer.param_groups:
            group["lr"] = rate


class AverageHook(_RunHook):
    """Averages the weights."""

    def after_step(self, losses: dict[str, float]) -> None:
        if self._run.average is not None:
            self._run.average.update(self._run.progress.step)


class LogHook(_RunHook):
    """Logs the mean losses since the last line."""

    def __init__(self, run: Run, log: Log | None) -> None:
        super().__init__(run)
        self._log = log

    def after_step(self, losses: dict[str, float]) -> None:
        state = self._run.progress
        state.sums = {name: state.sums.get(name, 0.0) + value for name, value in losses.items()}
        state.summed += 1
        if not self._run.due(self._run.config.log_every):
            return
        state.losses = {name: value / state.summed for name, value in state.sums.items()}
        state.sums, state.summed = {}, 0
        if self._log is not None:
            self._log.write(self._line())

    def _line(self) -> dict[str, Any]:
        line: dict[str, Any] = {"step": self._run.progress.step, "losses": self._run.progress.losses}
        line["lr"] = self._run.optimiser.optimizer.param_groups[0]["lr"]
        if (norm := self._run.optimiser.gradient_norm) is not None:
            line["gradient_norm"] = norm if math.isfinite(norm) else None
        return line | {"seconds": round(self._run.progress.seconds, 3)}


class EvaluateHook(_RunHook):
    """Evaluates, logs it and keeps the best weights; put off until the run goes on if it is to stop now."""

    def __init__(self, run: Run, log: Log | None) -> None:
        super().__init__(run)
        self._log = log

    def before_train(self, runner: Any) -> None:
        """Catch up on the evaluation before which the run was stopped."""
        if 0 < self._run.progress.step != self._run.progress.evaluated:
            self.after_step({})

    def after_step(self, losses: dict[str, float]) -> None:
        if self._run.due(self._run.config.evaluate_every) and not self._run.stopping:
            self._evaluate()

    def _evaluate(self) -> None:
        run, state = self._run, self._run.progress
        with run.inspected() as module:
            run.processes.share_buffers(module)
            metrics = run.task.evaluate(module)
        metrics = run.processes.by_first(lambda: {name: float(value) for name, value in metrics.items()})
        state.metrics, state.evaluated = metrics, state.step
        if metrics and self._log is not None:
            told = {name: value if math.isfinite(value) else None for name, value in metrics.items()}
            self._log.write({"step": state.step, "metrics": told, "seconds": round(state.seconds, 3)})
        if run.config.best is not None:
            self._keep_best(run.config.best)

    def _keep_best(self, name: str) -> None:
        run, state = self._run, self._run.progress
        if name not in state.metrics:
            known = ", ".join(state.metrics) or "none"
            raise InputError(f"best must be a metric of the evaluation ({known}), got '{name}'")
        value, sign = state.metrics[name], 1 if run.config.best_is == "highest" else -1
        if math.isnan(value) or (state.best is not None and sign * value <= sign * state.best):
            return
        state.best = value
        if run.processes.first:
            run.save_weights(run.folder.best)


class SamplesHook(_RunHook):
    """Writes pictures."""

    def __init__(self, run: Run, log: Log | None) -> None:
        super().__init__(run)
        self._log = log

    def after_step(self, losses: dict[str, float]) -> None:
        if self._log is None or not self._run.due(self._run.config.samples_every):
            return
        with self._run.inspected() as module:
            picture = self._run.task.samples(module)
        if picture is not None:
            save_image(self._run.folder.samples(self._run.progress.step), picture)
            self._log.write_picture("samples", picture, self._run.progress.step)


class CheckpointHook(_RunHook):
    """Saves the run."""

    def after_step(self, losses: dict[str, float]) -> None:
        if self._run.due(self._run.config.checkpoint_every) or self._run.stopping:
            save_checkpoint(self._run)


class ProgressHook(_RunHook):
    """Shows the time left."""

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self._bar = progress(description="train", total=run.steps, unit="steps")

    def before_train(self, runner: Any) -> None:
        self._bar.initial = self._bar.n = self._run.progress.step  # steps of earlier runs do not count as fast ones

    def after_step(self, losses: dict[str, float]) -> None:
        self._bar.set_description(f"train, loss {sum(losses.values()):.4g}", refresh=False)
        self._bar.update()

    def close(self) -> None:
        self._bar.close()


def make_hooks(run: Run, log: Log | None, bar: ProgressHook | None) -> list[Hook]:
    """The hooks in order; the checkpoint is last, so that it holds what the others did. `log` and `bar` belong to the
    first process."""
    hooks = [ScheduleHook(run), AverageHook(run), LogHook(run, log), EvaluateHook(run, log), SamplesHook(run, log)]
    return [*hooks, CheckpointHook(run), *([bar] if bar is not None else [])]
