"""Batch norm layers of any back end, live or frozen, and whether their statistics mean anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from torch import nn

IDENTITY_TOLERANCE = 1e-4
"""detectron2 sets the variances of an empty frozen layer to 1 - eps."""


def batch_norm_layers(module: nn.Module) -> dict[str, nn.Module]:
    """The 2-D batch norm layers of `module` by name, in the order of their definition.

    Live ones (BatchNorm2d, SyncBatchNorm and what derives from them) and frozen ones (FrozenBatchNorm2d of torchvision
    and of detectron2, which are no BatchNorm2d): every layer that keeps a running mean and variance, except 1-D and
    3-D ones.
    """
    return {name: layer for name, layer in module.named_modules() if _is_batch_norm(layer)}


def identity_statistics(layers: Mapping[str, nn.Module] | Iterable[tuple[str, nn.Module]]) -> tuple[str, ...]:
    """Names of the layers whose statistics are those of a new layer: all means 0 and all variances 1.

    Such statistics say nothing about images: the layer was never trained, or was fused into its convolution, as in
    weights from Caffe2.
    """
    return tuple(name for name, layer in dict(layers).items() if _is_identity(layer))


def _is_batch_norm(layer: nn.Module) -> bool:
    if isinstance(layer, torch.nn.BatchNorm1d | torch.nn.BatchNorm3d | torch.nn.InstanceNorm2d):
        return False
    statistics = (getattr(layer, "running_mean", None), getattr(layer, "running_var", None))
    return all(isinstance(value, torch.Tensor) for value in statistics)


def _is_identity(layer: nn.Module) -> bool:
    mean, variance = layer.get_buffer("running_mean"), layer.get_buffer("running_var")
    return bool((mean == 0).all() and ((variance - 1).abs() <= IDENTITY_TOLERANCE).all())
