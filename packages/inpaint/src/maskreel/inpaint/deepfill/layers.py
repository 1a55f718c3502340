"""The two kinds of layers that all of DeepFill is made of: a convolution and one that halves the picture."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

__all__ = ["Convolution", "Halving"]


class Convolution(nn.Sequential):
    """Convolution and activation: (N, inputs, H, W) -> (N, outputs, H, W).

    Args:
        inputs: channels.
        outputs: channels.
        kernel: side of the kernel, odd; borders are padded with zeros to keep the size.
        dilation: distance of the kernel's taps.
        activation: ELU everywhere but at the ends of branches; None for none.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        kernel: int = 3,
        dilation: int = 1,
        activation: type[nn.ELU] | type[nn.ReLU] | None = nn.ELU,
    ) -> None:
        padding = dilation * (kernel // 2)
        layers: list[nn.Module] = [nn.Conv2d(inputs, outputs, kernel, padding=padding, dilation=dilation)]
        super().__init__(*layers, *([activation()] if activation else []))


class Halving(Convolution):
    """3x3 convolution with stride 2 and ELU: (N, inputs, 2 h, 2 w) -> (N, outputs, h, w).

    Padded at the right and at the bottom only, as TensorFlow pads even sizes, where the network comes from.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs)
        self[0] = nn.Conv2d(inputs, outputs, 3, stride=2)

    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002 (the name that torch gives it)
        """Pad, convolve, activate."""
        return super().forward(functional.pad(input, (0, 1, 0, 1)))
