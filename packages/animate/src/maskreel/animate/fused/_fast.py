"""Layers for float32 on CPUs: fewer products, fewer passes over memory, and no tensor of 32 MiB or more.

glibc takes tensors of 32 MiB and more from the kernel anew each time, which on the measured machine costs ten times
what filling them does; so large layers work on strips of rows, and networks on few images at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from maskreel.animate.fused._difference_up import DifferenceUp
from maskreel.animate.fused._folding import folded, plain, scale_and_shift
from maskreel.animate.fused._portable import Convolution, PortableKit, Up, conv_and_norm, dilation_of, join
from maskreel.animate.fused._rectifier import Rectifier
from maskreel.animate.fused._winograd import WinogradConvolution

if TYPE_CHECKING:
    from maskreel.animate.networks._blocks import DownBlock, ResBlock, SameBlock, UpBlock

__all__ = ["FastKit"]

_STRIP = 2**20
"""Values of a strip's result: 4 MiB, which caches hold."""

_FEW = 64
"""Pixels of an image up to which Winograd's kernels take longer to read than they save (measured); up to four times as
many, another order of them is faster."""


class FastKit(PortableKit):
    """Makes the fastest exact layers from the blocks of the plain networks.

    Args:
        winograd_from: channels, of input and output, from which Winograd's sums cost less than the products that they
            save (measured).
        differences_from: the same for the input of up-blocks and differences of neighbours.
    """

    fast = True

    def __init__(self, *, winograd_from: int = 128, differences_from: int = 256) -> None:
        self._winograd_from, self._differences_from = winograd_from, differences_from

    def down(self, block: DownBlock, side: int) -> nn.Module:
        weight, bias = folded(*conv_and_norm(cast("SameBlock", block[0])))
        if side**2 <= _FEW and weight.shape[1] >= self._winograd_from:
            return StripDown(GatheredConvolution(weight, bias), len(bias))
        return StripDown(self.valid(weight, bias, few=side**2 <= 4 * _FEW), len(bias))

    def up(self, block: UpBlock) -> nn.Module:
        weight, bias = folded(*conv_and_norm(cast("SameBlock", block[1])))
        return (DifferenceUp if weight.shape[1] >= self._differences_from else Up)(weight, bias)

    def residual(self, block: ResBlock) -> nn.Module:
        return ClampedResidual(block, self)

    def head(self, conv: nn.Conv2d, *, raw: int = 0) -> nn.Module:
        weight, bias = plain(conv)
        return RowsHead(weight, bias, padding=int(conv.padding[0]), raw=raw)

    def valid(self, weight: Tensor, bias: Tensor | None, *, dilation: int = 1, few: bool = False) -> nn.Module:
        """A 3x3 convolution of what is padded already, of `few` pixels or more."""
        if dilation == 1 and min(weight.shape[:2]) >= self._winograd_from:
            return WinogradConvolution(weight, bias, few=few)
        return Convolution(weight, bias, padding=0, dilation=dilation)


class GatheredConvolution(nn.Module):
    """A 3x3 convolution of what is padded already, as one product of all pixels' neighbourhoods with the weights.

    For images so small that reading the weights takes most of the time.
    """

    weight: Tensor
    bias: Tensor

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.register_buffer("weight", weight.permute(2, 3, 1, 0).flatten(0, 2).float().contiguous())
        self.register_buffer("bias", bias.float())

    def forward(self, padded: Tensor) -> Tensor:
        places = padded.permute(0, 2, 3, 1).unfold(1, 3, 1).unfold(2, 3, 1)  # (N, H, W, C, 3, 3)
        rows = places.permute(0, 1, 2, 4, 5, 3).reshape(-1, len(self.weight))
        return torch.addmm(self.bias, rows, self.weight).view(*places.shape[:3], -1).permute(0, 3, 1, 2)


class StripDown(nn.Module):
    """A `DownBlock`, by strips of rows; its convolution to `channels` does not pad."""

    def __init__(self, convolution: nn.Module, channels: int) -> None:
        super().__init__()
        self.convolution, self.channels = convolution, channels

    def forward(self, features: Tensor) -> Tensor:
        count, _, height, width = features.shape
        rows = max(1, _STRIP // (8 * count * self.channels * width)) * 8
        strips = [self._strip(features, top, min(height, top + rows)) for top in range(0, height, rows)]
        return strips[0] if len(strips) == 1 else torch.cat(strips, dim=2)

    def _strip(self, features: Tensor, top: int, bottom: int) -> Tensor:
        padding = (1, 1, int(top == 0), int(bottom == features.shape[2]))
        padded = F.pad(features[:, :, max(0, top - 1) : bottom + 1], padding)
        return F.avg_pool2d(F.relu_(self.convolution(padded)), 2)


class ClampedResidual(nn.Module):
    """A `ResBlock` of two clamps and two convolutions."""

    def __init__(self, block: ResBlock, kit: FastKit) -> None:
        super().__init__()
        norm, _, first, second, _, last = block.branch
        reach = dilation_of(cast("nn.Conv2d", first))
        self.before = Rectifier(*scale_and_shift(cast("nn.BatchNorm2d", norm)), margin=reach)
        weight, bias = self.before.absorbed(*folded(cast("nn.Conv2d", first), cast("nn.BatchNorm2d", second)))
        self.first = kit.valid(weight, None, dilation=reach)
        self.between = Rectifier(torch.ones_like(bias), bias, margin=reach)
        self.last = kit.valid(*self.between.absorbed(*plain(cast("nn.Conv2d", last))), dilation=reach)

    def forward(self, features: Tensor) -> Tensor:
        return self.last(self.between(self.first(self.before(features)))).add_(features)


class RowsHead(nn.Module):
    """A convolution to few channels, as one along rows for each of its kernel's rows, and the sum of these.

    So 3 results become 21, which vector units fill; the channels joined from the network's input are a part of their
    own and need no copy.
    """

    own: Tensor
    joined: Tensor | None
    bias: Tensor

    def __init__(self, weight: Tensor, bias: Tensor, *, padding: int, raw: int) -> None:
        super().__init__()
        self.outputs, channels, self.kernel, _ = weight.shape
        rows = weight.permute(2, 0, 1, 3).reshape(-1, channels, 1, self.kernel).float()
        own, joined = rows.split([channels - raw, raw], dim=1)
        self.register_buffer("own", own.contiguous(memory_format=torch.channels_last))
        self.register_buffer("joined", joined.contiguous(memory_format=torch.channels_last) if raw else None)
        self.register_buffer("bias", bias.float()[:, None, None])
        self.padding = padding

    def forward(self, *parts: Tensor) -> Tensor:
        rows = self._along(parts[0], self.own)
        if self.joined is not None:
            rows += self._along(join(parts[1:]), self.joined)
        rows = F.pad(rows.contiguous(), (0, 0, self.padding, self.padding))
        height = rows.shape[2] - self.kernel + 1
        result = self.bias
        for row, part in enumerate(rows.split(self.outputs, dim=1)):
            result = result + part[:, :, row : row + height]
        return result

    def _along(self, features: Tensor, weight: Tensor) -> Tensor:
        return F.conv2d(features, weight, padding=(0, self.padding))
