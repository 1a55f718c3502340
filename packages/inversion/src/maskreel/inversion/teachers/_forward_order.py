"""Which layers a pass of a network runs, and in which order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import nn

PROBE = (128, 128)
"""Height and width of the image that is sent through."""


def in_forward_order(
    layers: Mapping[str, nn.Module], run: Callable[[torch.Tensor], Any], like: torch.Tensor
) -> dict[str, nn.Module]:
    """The layers that `run` uses on a grey image, in the order of their first use.

    Layers are often defined in another order, and heads for training only are not run at all.

    Args:
        layers: By name.
        run: A pass of the network they belong to.
        like: The image gets this tensor's type and device.
    """
    seen: dict[str, nn.Module] = {}

    def hook(name: str) -> Callable[..., None]:
        return lambda layer, *_: seen.setdefault(name, layer) and None

    handles = [layer.register_forward_hook(hook(name)) for name, layer in layers.items()]
    try:
        with torch.no_grad():
            run(torch.full((1, 3, *PROBE), 0.5, dtype=like.dtype, device=like.device))
    finally:
        for handle in handles:
            handle.remove()
    return seen
