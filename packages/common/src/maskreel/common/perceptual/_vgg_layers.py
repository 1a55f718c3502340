"""The convolutions of VGG-19 (Simonyan and Zisserman 2015), as far as a loss needs them."""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["SLICE_ENDS", "random_layers", "vgg_layers"]

SLICE_ENDS = (2, 7, 12, 21, 30)
"""Layers up to the end of each slice: ReLU 1_1, 2_1, 3_1, 4_1 and 5_1."""

_POOL = 0
_WIDTHS = (64, 64, _POOL, 128, 128, _POOL, *[256] * 4, _POOL, *[512] * 4, _POOL, 512)


def vgg_layers(slices: int) -> nn.Sequential:
    """The first 1 to 5 slices, frozen, numbered as `features` of torchvision's VGG-19; values are to be loaded."""
    layers: list[nn.Module] = []
    channels = 3
    for width in _WIDTHS:
        if width == _POOL:
            layers.append(nn.MaxPool2d(2))
        else:
            # Without initial values, which would be drawn from the caller's random numbers.
            convolution = nn.utils.skip_init(nn.Conv2d, channels, width, 3, padding=1)
            layers += [convolution, nn.ReLU(inplace=True)]
            channels = width
    return nn.Sequential(*layers[: SLICE_ENDS[slices - 1]]).requires_grad_(False)


@torch.no_grad()
def random_layers(slices: int, seed: int) -> nn.Sequential:
    """The same with normal weights that keep the size of features (He et al. 2015), drawn from `seed` alone."""
    layers, generator = vgg_layers(slices), torch.Generator().manual_seed(seed)
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=generator)
            assert layer.bias is not None, "it is made with one"
            layer.bias.zero_()
    return layers
