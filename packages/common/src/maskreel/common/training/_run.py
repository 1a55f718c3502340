"""One run: everything that its hooks and its checkpoints are about."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from maskreel.common.training._progress import Progress
from maskreel.common.training._random import restored_random_states
from maskreel.common.weights import save_tensors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from maskreel.common.training._average import WeightAverage
    from maskreel.common.training._config import TrainingConfig
    from maskreel.common.training._folder import RunFolder
    from maskreel.common.training._optimiser import PrecisionWrapper
    from maskreel.common.training._processes import Processes
    from maskreel.common.training._signals import StopSignals
    from maskreel.common.training._task import TrainingTask

__all__ = ["Run"]


@dataclass
class Run:
    """A task in training."""

    task: TrainingTask
    config: TrainingConfig
    steps: int
    folder: RunFolder
    processes: Processes
    signals: StopSignals
    optimiser: PrecisionWrapper
    average: WeightAverage | None
    progress: Progress = field(default_factory=Progress)
    stopping: bool = False
    """A stop signal has come to one of the processes, before the last step."""

    def due(self, every: int) -> bool:
        """Whether something that happens every so many steps and at the end happens now."""
        return self.progress.step % every == 0 or self.progress.step == self.steps

    @contextmanager
    def inspected(self) -> Iterator[torch.nn.Module]:
        """The module for looking at: averaged, without gradients, in evaluation mode; all is undone afterwards."""
        module = self.task.module
        modes = [(part, part.training) for part in module.modules()]
        with ExitStack() as stack:
            stack.enter_context(restored_random_states(cuda=self.processes.device.type == "cuda"))
            stack.enter_context(torch.no_grad())
            if self.average is not None:
                stack.enter_context(self.average.applied())
            try:
                yield module.eval()
            finally:
                for part, training in modes:
                    part.training = training

    def save_weights(self, path: Path) -> None:
        """Write the state of the module, averaged if there is an average, as safetensors."""
        with self.inspected() as module:
            # clones, because safetensors refuses tensors that share memory
            state = {name: value.detach().cpu().clone().contiguous() for name, value in module.state_dict().items()}
            save_tensors(path, state, {"step": str(self.progress.step)})
