"""Norm layers of any kind: what they are called, how many channels they have, and which of them count."""

from __future__ import annotations

import fnmatch
import math
from typing import TYPE_CHECKING, Literal

import torch
from torch import nn
from torch.nn.modules.batchnorm import _NormBase

from maskreel.common.maskrcnn import batch_norm_layers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from maskreel.inversion.settings import StatisticsSettings

Kind = Literal["live", "sync", "frozen", "group", "layer", "instance", "other"]

_OTHERS: tuple[tuple[type[nn.Module], Kind], ...] = (
    (nn.GroupNorm, "group"),
    (nn.LayerNorm, "layer"),
    (nn.InstanceNorm2d, "instance"),
    (nn.SyncBatchNorm, "sync"),
)


def kind_of(layer: nn.Module) -> Kind:
    """What a layer is; live, sync and frozen ones can have statistics, and FrozenBatchNorm2d is no BatchNorm2d."""
    for type_, kind in _OTHERS:
        if isinstance(layer, type_):
            return kind
    if isinstance(layer, _NormBase):
        return "sync" if "Sync" in type(layer).__name__ else "live"
    return "frozen" if has_statistics(layer) else "other"


def has_statistics(layer: nn.Module) -> bool:
    """Whether a layer is a 2-D batch norm that keeps a running mean and variance."""
    return "" in batch_norm_layers(layer)


def channels_of(layer: nn.Module) -> int | None:
    """How many channels the input of a layer has; None where it does not say."""
    if has_statistics(layer):
        return len(layer.get_buffer("running_mean"))
    for name in ("num_channels", "num_features", "in_channels"):
        if isinstance(value := getattr(layer, name, None), int):
            return value
    shape = getattr(layer, "normalized_shape", None)
    return math.prod(shape) if shape else None


def keeps_its_input(layer: nn.Module) -> bool:
    """Whether autograd saves the layer's input anyway, so that saving it again costs nothing."""
    return isinstance(layer, _NormBase)


def updates_itself(layer: nn.Module) -> bool:
    """Whether a pass would change the layer's running statistics."""
    return isinstance(layer, _NormBase) and layer.training and layer.track_running_stats


def chosen(layers: Mapping[str, nn.Module], settings: StatisticsSettings) -> dict[str, nn.Module]:
    """The layers that the settings name, in their order.

    Raises:
        ValueError: A name fits no layer.
    """
    for pattern in settings.names:
        if not fnmatch.filter(layers, pattern):
            raise ValueError(f"names must fit layers, but {pattern!r} fits none of {shown(list(layers))}")
    found = [
        name
        for name in layers
        if not settings.names or any(fnmatch.fnmatchcase(name, pattern) for pattern in settings.names)
    ]
    count = settings.first if settings.first is not None else math.ceil(settings.share * len(found))
    return {name: layers[name] for name in found[:count]}


def shown(names: list[str]) -> str:
    """A few names and how many more there are."""
    more = len(names) - 5
    return ", ".join(names[:5]) + (f" and {more} more" if more > 0 else "") if names else "none"


def found_norms(module: nn.Module) -> str:
    """What normalises in a network, in words, for messages about networks without batch norm."""
    kinds = [kind_of(layer) for layer in module.modules()]
    counts = {kind: kinds.count(kind) for kind in ("group", "layer", "instance")}
    convolutions = [layer for layer in module.modules() if isinstance(layer, nn.Conv2d)]
    biased = sum(layer.bias is not None for layer in convolutions)
    norms = ", ".join(f"{count} {kind} norms" for kind, count in counts.items() if count)
    return f"{norms or 'no norm layers'}, {len(convolutions)} convolutions of which {biased} have a bias"


def stored(layer: nn.Module) -> tuple[torch.Tensor, torch.Tensor]:
    """A copy of the running mean and variance, float32."""
    mean, variance = layer.get_buffer("running_mean"), layer.get_buffer("running_var")
    return mean.detach().float().clone(), variance.detach().float().clone()
