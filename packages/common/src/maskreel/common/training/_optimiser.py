"""The optimiser, and mmengine's wrapper around it with autocast on every device."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from mmengine.optim import OptimWrapper

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn
    from torch.optim import Optimizer

    from maskreel.common.training._config import TrainingConfig

__all__ = ["PrecisionWrapper", "make_optimiser"]

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def make_optimiser(module: nn.Module, config: TrainingConfig) -> Optimizer:
    """The optimiser of all the parameters of `module` that are trained."""
    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
    if not parameters:
        raise ValueError("task.module has no parameter with requires_grad")
    options: dict[str, Any] = {"lr": config.lr, "weight_decay": config.weight_decay}
    if config.optimiser == "sgd":
        return torch.optim.SGD(parameters, momentum=config.momentum, **options)
    adam = torch.optim.AdamW if config.optimiser == "adamw" else torch.optim.Adam
    return adam(
        parameters, betas=config.betas, fused=True, **options
    )  # one pass over the memory: 10 times faster on CPUs


class PrecisionWrapper(OptimWrapper):
    """Accumulation from mmengine; autocast and loss scaling from torch.

    mmengine's `AmpOptimWrapper` refuses a machine without an accelerator, where bf16 works, and uses a deprecated
    scaler.
    """

    gradient_norm: float | None = None
    """Of the last step, before clipping; None without clipping."""

    def __init__(self, optimizer: Optimizer, config: TrainingConfig, device: torch.device) -> None:
        super().__init__(optimizer, accumulative_counts=config.accumulate)
        self._clip_norm = config.clip_norm
        self._device_type, self._dtype = device.type, DTYPES[config.precision]
        self._scaler = torch.amp.GradScaler(device.type, enabled=config.precision == "fp16")

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        autocast = torch.autocast(self._device_type, self._dtype, enabled=self._dtype != torch.float32)
        with super().optim_context(model), autocast:
            yield

    def backward(self, loss: torch.Tensor, **kwargs: Any) -> None:
        super().backward(self._scaler.scale(loss), **kwargs)

    def step(self, **kwargs: Any) -> None:
        if self._clip_norm is not None:
            self._scaler.unscale_(self.optimizer)
            trained = [parameter for group in self.optimizer.param_groups for parameter in group["params"]]
            self.gradient_norm = float(torch.nn.utils.clip_grad_norm_(trained, self._clip_norm))
        self._scaler.step(self.optimizer, **kwargs)
        self._scaler.update()

    def state_dict(self) -> dict[str, Any]:
        return {"optimizer": self.optimizer.state_dict(), "scaler": self._scaler.state_dict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.optimizer.load_state_dict(state_dict["optimizer"])
        self._scaler.load_state_dict(state_dict["scaler"])
