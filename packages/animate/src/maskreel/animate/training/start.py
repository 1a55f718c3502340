"""A start from which little has to be learnt before pictures are worth looking at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maskreel.animate.model import AnimationModel
    from maskreel.animate.networks import HighResolution

__all__ = ["pass_pictures_on"]

_SLOPE = 5.0
"""sigmoid(5 (x - 1/2)) is within 0.08 of x in [0, 1]."""
_REST = 0.1


def pass_pictures_on(model: AnimationModel) -> None:
    """Let H begin with about the source, and BGRefine with about foreground plus background.

    The last convolution of both sees the input beside the features, so it can hand pictures on. What the features add
    begins small. Published training begins with noise instead and needs many steps to learn this.
    """
    _pass_on(model.high_resolution, [0])
    _pass_on(model.bg_refine, [5, 8])


@torch.no_grad()
def _pass_on(network: HighResolution, pictures: Sequence[int]) -> None:
    """The channels from `pictures` on, three each, summed."""
    head, width = network.head, network.head.in_channels - network.channels
    head.weight.mul_(_REST)
    middle = head.kernel_size[0] // 2
    for first in pictures:
        for channel in range(3):
            head.weight[channel, width + first + channel, middle, middle] += _SLOPE
    assert head.bias is not None, "it is made with one"
    head.bias.fill_(-_SLOPE / 2)
