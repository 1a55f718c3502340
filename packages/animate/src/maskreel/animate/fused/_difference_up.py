"""Up-blocks with many channels by differences of neighbours: a quarter of the products of "doubled, then 3x3"."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from maskreel.animate.fused._portable import join

__all__ = ["DifferenceUp"]


class DifferenceUp(nn.Module):
    """An `UpBlock`: (N, C, H, W), channels last, to (N, D, 2 H, 2 W), channels last.

    Along one axis, with taps a, b, c and the difference d[i] = x[i] - x[i - 1] (zeros beyond the borders), the doubled
    and convolved signal is `y[2i] = (a + b + c) x[i] - a d[i]` and `y[2i + 1] = (a + b + c) x[i] + c d[i + 1]`: three
    products for two outputs. Along both axes it is nine for four, where a transposed convolution takes 16 and the plain
    one 36; they are four 1x1 convolutions, of the features and of their three differences.
    """

    still: Tensor
    across: Tensor
    down: Tensor
    both: Tensor
    bias: Tensor

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        down = {"sum": weight.sum(2), "first": weight[:, :, 0], "last": weight[:, :, 2]}
        taps = {
            (name, way): kernel
            for name, rows in down.items()
            for way, kernel in (("sum", rows.sum(-1)), ("first", rows[..., 0]), ("last", rows[..., 2]))
        }
        ends = ("first", "last")
        groups = {
            "still": [("sum", "sum")],
            "across": [("sum", end) for end in ends],
            "down": [(end, "sum") for end in ends],
            "both": [(end, other) for end in ends for other in ends],
        }
        for name, members in groups.items():
            kernel = torch.cat([taps[member] for member in members])[:, :, None, None].float()
            self.register_buffer(name, kernel.contiguous(memory_format=torch.channels_last))
        self.register_buffer("bias", bias.float())

    def forward(self, *parts: Tensor) -> Tensor:
        features = join(parts)
        padded = F.pad(features, (1, 1, 1, 1))
        down = padded[:, :, 1:] - padded[:, :, :-1]
        both = down[..., 1:] - down[..., :-1]
        across = padded[:, :, 1:-1, 1:] - padded[:, :, 1:-1, :-1]
        own = _doubled_across(F.conv2d(features, self.still, self.bias), *F.conv2d(across, self.across).chunk(2, 1))
        down = F.conv2d(down[..., 1:-1].contiguous(memory_format=torch.channels_last), self.down)
        above, below = (
            _doubled_across(still, *crossed.chunk(2, 1))
            for still, crossed in zip(down.chunk(2, 1), F.conv2d(both, self.both).chunk(2, 1), strict=True)
        )
        return _doubled_down(own, above, below).relu_()


def _doubled_across(still: Tensor, first: Tensor, last: Tensor) -> Tensor:
    """(N, D, H, W), and the parts of the differences, (N, D, H, W + 1), to (N, D, H, 2 W)."""
    count, channels, height, width = still.shape
    result = still.new_empty(count, height, 2 * width, channels).permute(0, 3, 1, 2)
    torch.sub(still, first[..., :-1], out=result[..., ::2])
    torch.add(still, last[..., 1:], out=result[..., 1::2])
    return result


def _doubled_down(still: Tensor, first: Tensor, last: Tensor) -> Tensor:
    """The same for rows."""
    count, channels, height, width = still.shape
    result = still.new_empty(count, 2 * height, width, channels).permute(0, 3, 1, 2)
    torch.sub(still, first[:, :, :-1], out=result[:, :, ::2])
    torch.add(still, last[:, :, 1:], out=result[:, :, 1::2])
    return result
