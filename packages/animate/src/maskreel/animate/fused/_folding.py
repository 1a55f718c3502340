"""Batch norm of inference as part of its neighbours; all in double precision, so that rounding happens once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["folded", "plain", "scale_and_shift"]


def scale_and_shift(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """What the running statistics make of batch norm: `x * scale + shift`, float64 (C,) each."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    mean, variance = norm.running_mean.double(), norm.running_var.double()
    weight, bias = norm.weight.detach().double(), norm.bias.detach().double()
    scale = weight / (variance + norm.eps).sqrt()
    return scale, bias - mean * scale


def plain(conv: nn.Conv2d) -> tuple[Tensor, Tensor]:
    """Its weight and bias as float64."""
    assert conv.bias is not None
    return conv.weight.detach().double(), conv.bias.detach().double()


def folded(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Weight and bias, float64, of one convolution that does what `conv` and then `norm` do."""
    weight, bias = plain(conv)
    scale, shift = scale_and_shift(norm)
    return weight * scale[:, None, None, None], bias * scale + shift
