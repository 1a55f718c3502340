"""Batch norm over the whole batch when several processes share it."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from maskreel.common.training._processes import Processes
    from maskreel.common.training._task import TrainingTask

__all__ = ["shared_batch_norm"]

logger = logging.getLogger(__name__)


@contextmanager
def shared_batch_norm(task: TrainingTask, processes: Processes) -> Iterator[None]:
    """Inside the block, batch norm in training mode takes its statistics from the samples of all processes.

    Layers change their class and nothing else, and change it back. Those that keep their statistics (in evaluation
    mode) go on doing so, and classes derived from torch's, such as a frozen batch norm, are left alone.
    """
    layers = [layer for layer in task.module.modules() if type(layer) in _SHARED] if processes.count > 1 else []
    if layers and not _go_the_same_way(task):
        if processes.first:
            logger.warning(
                "%d batch norm layers see the samples of one process at a time, because processes may pass them in "
                "different orders (idle_parameters without same_layers)",
                len(layers),
            )
        layers = []
    classes = [type(layer) for layer in layers]
    try:
        for layer in layers:
            _share(layer, processes.device)
        yield
    finally:
        for layer, own in zip(layers, classes, strict=True):
            layer.__dict__.pop("process_group", None)
            layer.__class__ = own


def _go_the_same_way(task: TrainingTask) -> bool:
    return not task.idle_parameters if task.same_layers is None else task.same_layers


def _share(layer: nn.Module, device: torch.device) -> None:
    """Torch's own layer is fast, but for CUDA only."""
    if device.type == "cuda":
        layer.__class__ = nn.SyncBatchNorm
        layer.__dict__["process_group"] = None  # that of all processes
    else:
        layer.__class__ = _SHARED[type(layer)]


class _SharedBatchNorm(nn.modules.batchnorm._BatchNorm):
    """Batch norm in plain PyTorch; every process must pass every layer, with whatever number of samples."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 (torch's name)
        if not self.training:
            return super().forward(input)
        self._check_input_dim(input)
        x = input.float()
        mean, variance, count = _moments(x)
        if count == 1:
            raise ValueError(f"Expected more than 1 value per channel when training, got {tuple(input.shape)}")
        self._note(mean.detach(), variance.detach(), count)
        scale = (variance + self.eps).rsqrt()
        if self.weight is not None:
            scale = scale * self.weight.float()
        y = (x - _per_channel(mean, x)) * _per_channel(scale, x)
        if self.bias is not None:
            y = y + _per_channel(self.bias.float(), x)
        return y.to(input.dtype)

    def _note(self, mean: Tensor, variance: Tensor, count: int) -> None:
        """Running statistics: by `momentum`, or without one the average since the start."""
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked.add_(1)
        if not count:
            return
        share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), share)
        self.running_var.lerp_((variance * (count / (count - 1))).to(self.running_var.dtype), share)


class _SharedBatchNorm1d(_SharedBatchNorm, nn.BatchNorm1d): ...


class _SharedBatchNorm2d(_SharedBatchNorm, nn.BatchNorm2d): ...


class _SharedBatchNorm3d(_SharedBatchNorm, nn.BatchNorm3d): ...


_SHARED: dict[type[nn.Module], type[nn.Module]] = {
    nn.BatchNorm1d: _SharedBatchNorm1d,
    nn.BatchNorm2d: _SharedBatchNorm2d,
    nn.BatchNorm3d: _SharedBatchNorm3d,
}


class _SumOverProcesses(torch.autograd.Function):
    """The sum, and for each summand the sum of the gradients that the processes have for it."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        del ctx
        return _total(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        del ctx
        return _total(gradient)


def _total(x: Tensor) -> Tensor:
    total = x.clone()
    dist.all_reduce(total)
    return total


def _moments(x: Tensor) -> tuple[Tensor, Tensor, int]:
    """Mean (C) and biased variance (C) of x (N, C, ...) over all processes, and over how many values each is.

    From the moments of each process about its own mean, since a mean of squares less a squared mean cancels.
    """
    dims, here = [0, *range(2, x.dim())], x.numel() // x.shape[1]
    if here:
        variance, mean = torch.var_mean(x, dims, correction=0)
    else:
        variance = mean = x.sum(dims)
    row = torch.cat([mean, variance, mean.new_tensor([here])])
    rows = torch.zeros(dist.get_world_size(), len(row), dtype=row.dtype)
    rows = _SumOverProcesses.apply(rows.index_copy(0, torch.tensor([dist.get_rank()]), row[None]))
    means, variances, counts = rows.split([x.shape[1], x.shape[1], 1], dim=1)
    count = int(counts.sum())
    shares = counts.detach() / max(count, 1)
    mean = (shares * means).sum(0)
    return mean, (shares * (variances + (means - mean).square())).sum(0), count


def _per_channel(values: Tensor, x: Tensor) -> Tensor:
    return values.view(-1, *[1] * (x.dim() - 2))
