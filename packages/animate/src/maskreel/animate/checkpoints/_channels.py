"""The networks of the background swap see the same pictures in another order in the reference code."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["from_reference", "to_reference"]

_BASE = (0, 1, 5, 6, 7, 2, 3, 4)
"""Ours is [mask of X, mask of Y, Y's foreground, X's background], theirs has the background before the foreground."""
_REFINE = (8, 9, 10, 0, 1, 5, 6, 7, 2, 3, 4)
"""Ours is [BGBase's picture, mask of X, mask of Y, foreground, background], theirs [masks, background, foreground,
BGBase's picture]."""
_ORDERS = {
    "bg_base.0.0.weight": _BASE,
    "bg_refine.hourglass.encoder.0.0.0.weight": _REFINE,
    "bg_refine.head.weight": _REFINE,  # its last input channels are the input of the hourglass
}


def from_reference(key: str, value: Tensor) -> Tensor:
    """A tensor of a reference checkpoint, with its input channels in the order of the parameter `key` of ours."""
    return _ordered(value, _ORDERS[key]) if key in _ORDERS else value


def to_reference(key: str, value: Tensor) -> Tensor:
    """The way back."""
    if key not in _ORDERS:
        return value
    order = _ORDERS[key]
    return _ordered(value, [order.index(channel) for channel in range(len(order))])


def _ordered(value: Tensor, order: tuple[int, ...] | list[int]) -> Tensor:
    """The last input channels of a convolution's weight in another order; a weight with too few stays as it is."""
    if value.dim() != 4 or value.shape[1] < len(order):
        return value
    before = value.shape[1] - len(order)
    return value[:, [*range(before), *(before + channel for channel in order)]]
