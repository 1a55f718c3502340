"""Building blocks of the first-order-motion family (Siarohin et al. 2019); all convolutions have a bias."""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["DownBlock", "ResBlock", "SameBlock", "UpBlock", "summed_for_doubling"]

_WORTH_SUMMING = 512
"""Pixels of a batch below which summing weights costs more than it saves (measured on a CPU)."""


class SameBlock(nn.Sequential):
    """Convolution, batch norm, ReLU: (N, C, H, W) to (N, D, H, W)."""

    def __init__(self, channels_in: int, channels_out: int, *, kernel: int = 3) -> None:
        super().__init__(
            nn.Conv2d(channels_in, channels_out, kernel, padding=kernel // 2), nn.BatchNorm2d(channels_out), nn.ReLU()
        )


class DownBlock(nn.Sequential):
    """As `SameBlock`, then means of 2x2: (N, C, H, W) to (N, D, H / 2, W / 2)."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(SameBlock(channels_in, channels_out), nn.AvgPool2d(2))


class UpBlock(nn.Sequential):
    """Every pixel four times, then as `SameBlock`: (N, C, H, W) to (N, D, 2 H, 2 W).

    Doubling and 3x3 convolution are one transposed 4x4 convolution whose weights are sums of the nine, borders
    included, with less than half of the multiplications.
    """

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(nn.Upsample(scale_factor=2, mode="nearest"), SameBlock(channels_in, channels_out))

    def forward(self, features: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        if features.shape[0] * features.shape[-2] * features.shape[-1] < _WORTH_SUMMING:
            return super().forward(features)
        _, (convolution, norm, relu) = cast("tuple[nn.Upsample, tuple[nn.Conv2d, nn.BatchNorm2d, nn.ReLU]]", self)
        weight = summed_for_doubling(convolution.weight)
        return relu(norm(F.conv_transpose2d(features, weight, convolution.bias, stride=2, padding=1)))


def summed_for_doubling(weight: Tensor) -> Tensor:
    """The transposed convolution (stride 2, padding 1) that equals "every pixel four times, then 3x3".

    Each output sees 2x2 pixels only, so the taps that fall on the same one are added; equal at borders, too.

    Args:
        weight: of the 3x3 convolution, (D, C, 3, 3).

    Returns:
        (C, D, 4, 4).
    """
    for axis in (-1, -2):
        first, middle, last = weight.unbind(axis)
        weight = torch.stack([last, middle + last, first + middle, first], axis)
    return weight.transpose(0, 1)


class ResBlock(nn.Module):
    """Two convolutions, each after batch norm and ReLU, added to the input (pre-activation, He et al. 2016)."""

    def __init__(self, channels: int, *, dilation: int = 1) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation),
        )

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape."""
        return features + self.branch(features)
