"""DFC-S made faster for inference: batch norm, which is frozen anyway, becomes part of the convolutions.

On a CPU this saves 4 to 6 %. (Channels-last memory, which pays for other networks here, costs these 40 % more.)
"""

from __future__ import annotations

import copy

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from maskreel.inpaint.dfc.dfc_s import DFCS, Bottleneck

__all__ = ["folded"]


def folded(network: DFCS) -> DFCS:
    """A copy of `network` that says the same without batch norm; it has other keys and is not for training."""
    network = copy.deepcopy(network).eval()
    for module in network.modules():
        if isinstance(module, Bottleneck):
            _fold(module, "conv1", "bn1")
            _fold(module, "conv2", "bn2")
            _fold(module, "conv3", "bn3")
            if module.downsample is not None:
                _fold(module.downsample, "0", "1")
    _fold(network, "conv1", "bn1")
    return network


def _fold(parent: nn.Module, convolution: str, norm: str) -> None:
    conv, bn = parent.get_submodule(convolution), parent.get_submodule(norm)
    assert isinstance(conv, nn.Conv2d)
    assert isinstance(bn, nn.BatchNorm2d)
    setattr(parent, convolution, fuse_conv_bn_eval(conv, bn))
    setattr(parent, norm, nn.Identity())
