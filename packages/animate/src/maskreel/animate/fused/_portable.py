"""Layers with batch norm folded, in operations that every device and ONNX know."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from maskreel.animate.fused._folding import folded, plain, scale_and_shift
from maskreel.animate.networks._blocks import summed_for_doubling

if TYPE_CHECKING:
    from maskreel.animate.networks._blocks import DownBlock, ResBlock, SameBlock, UpBlock

__all__ = ["Convolution", "PortableKit", "Up", "conv_and_norm", "dilation_of", "join"]


def conv_and_norm(block: SameBlock) -> tuple[nn.Conv2d, nn.BatchNorm2d]:
    """The two parts of a `SameBlock` that have parameters."""
    return cast("nn.Conv2d", block[0]), cast("nn.BatchNorm2d", block[1])


def dilation_of(conv: nn.Conv2d) -> int:
    """That of a 3x3 convolution, which is its padding, too."""
    assert conv.padding == conv.dilation
    return int(conv.dilation[0])


def join(parts: tuple[Tensor, ...]) -> Tensor:
    """Parts joined in channels."""
    return parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)


class Convolution(nn.Module):
    """A convolution with ready weights, of parts joined in channels; with ReLU if asked for."""

    weight: Tensor
    bias: Tensor | None

    def __init__(
        self, weight: Tensor, bias: Tensor | None, *, padding: int, dilation: int = 1, relu: bool = False
    ) -> None:
        super().__init__()
        self.register_buffer("weight", weight.float().contiguous())
        self.register_buffer("bias", None if bias is None else bias.float())
        self.padding, self.dilation, self.relu = padding, dilation, relu

    def forward(self, *parts: Tensor) -> Tensor:
        result = F.conv2d(join(parts), self.weight, self.bias, padding=self.padding, dilation=self.dilation)
        return F.relu(result) if self.relu else result


class Up(nn.Module):
    """An `UpBlock` as one transposed convolution and ReLU: 4 products for each output in place of 9."""

    weight: Tensor
    bias: Tensor

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.register_buffer("weight", summed_for_doubling(weight).float())
        self.register_buffer("bias", bias.float())

    def forward(self, *parts: Tensor) -> Tensor:
        return F.relu(F.conv_transpose2d(join(parts), self.weight, self.bias, stride=2, padding=1))


class Residual(nn.Module):
    """A `ResBlock` whose second batch norm is in its first convolution; the first one stays, as ReLU follows it."""

    scale: Tensor
    shift: Tensor

    def __init__(self, block: ResBlock) -> None:
        super().__init__()
        norm, _, first, second, _, last = block.branch
        for name, values in zip(("scale", "shift"), scale_and_shift(cast("nn.BatchNorm2d", norm)), strict=True):
            self.register_buffer(name, values.float()[:, None, None])
        weight, bias = folded(cast("nn.Conv2d", first), cast("nn.BatchNorm2d", second))
        reach = dilation_of(cast("nn.Conv2d", first))
        self.first = Convolution(weight, bias, padding=reach, dilation=reach, relu=True)
        self.last = Convolution(*plain(cast("nn.Conv2d", last)), padding=reach, dilation=reach)

    def forward(self, features: Tensor) -> Tensor:
        return features + self.last(self.first(F.relu(features * self.scale + self.shift)))


class PortableKit:
    """Makes such layers from the blocks of the plain networks."""

    fast = False

    def same(self, block: SameBlock) -> nn.Module:
        conv, norm = conv_and_norm(block)
        return Convolution(*folded(conv, norm), padding=conv.kernel_size[0] // 2, relu=True)

    def down(self, block: DownBlock, side: int) -> nn.Module:
        """`side` of the input in pixels, at which the layer should be fastest."""
        del side
        return nn.Sequential(self.same(cast("SameBlock", block[0])), nn.AvgPool2d(2))

    def up(self, block: UpBlock) -> nn.Module:
        return Up(*folded(*conv_and_norm(cast("SameBlock", block[1]))))

    def residual(self, block: ResBlock) -> nn.Module:
        return Residual(block)

    def head(self, conv: nn.Conv2d, *, raw: int = 0) -> nn.Module:
        """The last convolution; `raw` channels of its input are those of the network's input."""
        del raw
        return Convolution(*plain(conv), padding=int(conv.padding[0]))
