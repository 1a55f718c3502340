"""Hooks that measure the inputs of layers during a pass, and leave nothing behind."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Self

import torch

from maskreel.inversion.statistics._layers import keeps_its_input, shown, updates_itself
from maskreel.inversion.statistics._moments import channel_moments

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn
    from torch.utils.hooks import RemovableHandle


class Collector:
    """Mean and variance of each layer's input in the newest pass; a context manager, within which the hooks are there.

    A pass begins with the first layer that is called after the previous one was read. A layer that is called several
    times in a pass, such as one shared by levels of a pyramid, has the mean of its calls, as its running statistics
    have.
    """

    def __init__(self, layers: Mapping[str, nn.Module], *, per_image: bool = False) -> None:
        self.layers, self.per_image = dict(layers), per_image
        self._calls: dict[str, list[tuple[torch.Tensor, torch.Tensor]]] = {}
        self._read = False
        self._handles: list[RemovableHandle] = []

    def __enter__(self) -> Self:
        if self._handles:
            raise RuntimeError("the hooks are in place already; leave the context before you enter it again")
        self.clear()
        for name, layer in self.layers.items():
            self._handles.append(layer.register_forward_pre_hook(partial(self._hook, name)))
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        if kind is not None:
            self.clear()

    def clear(self) -> None:
        """Forget what was collected."""
        self._calls, self._read = {}, False

    def collected(self) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
        """Mean and variance (1, C), or (B, C) per image, of all layers in the newest pass.

        Raises:
            ValueError: A layer was not reached, or images cannot be told apart.
        """
        if missing := [name for name in self.layers if name not in self._calls]:
            raise ValueError(
                f"{len(self.layers) - len(missing)} of {len(self.layers)} layers were reached in this pass, all must "
                f"be; not reached: {shown(missing)}"
            )
        self._read = True
        return {name: self._mean_call(name) for name in self.layers}

    def _hook(self, name: str, layer: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        if updates_itself(layer):
            raise ValueError(f"{name} is in training mode, where images change its statistics; call .eval()")
        features = inputs[0]
        if features.ndim != 4 or features.numel() == 0:
            raise ValueError(f"the input of {name} must be (B, C, H, W) and not empty, got {tuple(features.shape)}")
        through, mean, variance = channel_moments(
            features, per_image=self.per_image, compact=not keeps_its_input(layer)
        )
        if self._read:
            self.clear()
        self._calls.setdefault(name, []).append((mean, variance))
        return through, *inputs[1:]

    def _mean_call(self, name: str) -> tuple[torch.Tensor, torch.Tensor]:
        calls = self._calls[name]
        if len(calls) == 1:
            return calls[0]
        if len({len(mean) for mean, _ in calls}) > 1:
            raise ValueError(f"{name} was called with other numbers of images in one pass, so per_image cannot be")
        means, variances = (torch.stack(parts) for parts in zip(*calls, strict=True))
        return means.mean(0), variances.mean(0)
