"""A task as the model that mmengine's Runner trains."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from mmengine.model import BaseDataPreprocessor, BaseModel, MMDistributedDataParallel

from maskreel.common.training._outcome import DivergedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from maskreel.common.training._processes import Processes
    from maskreel.common.training._progress import Progress
    from maskreel.common.training._task import TrainingTask

__all__ = ["TaskModel", "distributed"]


class _ToDevice(BaseDataPreprocessor):
    """Moves a batch, packed into the dict that mmengine asks for, so that a batch may be anything."""

    def __init__(self, device: torch.device) -> None:
        super().__init__()
        self._device = device

    def forward(self, data: Any, training: bool = False) -> dict[str, Any]:  # pyright: ignore[reportIncompatibleMethodOverride]
        del training
        return {"batch": self.cast_data(data)}


class TaskModel(BaseModel):
    """Computes the losses of a task and refuses those that are not finite."""

    def __init__(self, task: TrainingTask, processes: Processes, progress: Progress) -> None:
        super().__init__(_ToDevice(processes.device))
        self.trained, self.idle_parameters = task.module, task.idle_parameters
        self._task, self._processes, self._progress = task, processes, progress

    def init_weights(self) -> None:
        """mmengine's would call methods of this name in the task's module; its weights are the caller's business."""

    def forward(self, batch: Any, mode: str) -> Mapping[str, torch.Tensor]:  # pyright: ignore[reportIncompatibleMethodOverride]
        del mode
        self._task.step = self._progress.step
        return self._task.losses(self.trained, batch)

    def parse_losses(self, losses: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, dict[str, float]]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The sum to minimise, and every loss as its mean over the processes, the same in each of them."""
        scalars = _checked(losses)
        total = torch.stack(scalars).sum()
        means = self._processes.mean(torch.stack(scalars).detach()).tolist()
        values = dict(zip(losses, means, strict=True))
        if not all(math.isfinite(value) for value in means):
            told = ", ".join(f"{name} {value:g}" for name, value in values.items())
            raise DivergedError(
                f"training diverged in step {self._progress.step + 1}: {told}; try a lower lr or clip_norm, "
                "and look for bad samples; the last checkpoint is kept"
            )
        return total, values


def _checked(losses: Mapping[str, torch.Tensor]) -> list[torch.Tensor]:
    if not losses:
        raise ValueError("task.losses must return at least one loss, got none")
    for name, loss in losses.items():
        if loss.numel() != 1:
            raise ValueError(f"task.losses must return scalars, got '{name}' of shape {tuple(loss.shape)}")
    return [loss.float().reshape(()) for loss in losses.values()]


def distributed(model: TaskModel, processes: Processes) -> MMDistributedDataParallel:
    """The model with averaged gradients; before each step all processes take over the buffers of the first one."""
    devices = [processes.device.index] if processes.device.type == "cuda" else None
    return MMDistributedDataParallel(model, device_ids=devices, find_unused_parameters=model.idle_parameters)
