"""Up-blocks with many channels by differences of neighbours: a quarter of the products of "doubled, then 3x3"."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from maskreel.animate.fused._portable import join

__all__ = ["DifferenceUp"]

_STRIP = 2**19
"""Values of a strip of the input, for each thread (measured): larger ones leave the cache, smaller ones do their first
row of differences twice."""


class DifferenceUp(nn.Module):
    """An `UpBlock`: (N, C, H, W), channels last, to (N, D, 2 H, 2 W), channels last.

    Along one axis, with taps a, b, c and the difference d[i] = x[i] - x[i - 1] (zeros beyond the borders), the doubled
    and convolved signal is `y[2i] = (a + b + c) x[i] - a d[i]` and `y[2i + 1] = (a + b + c) x[i] + c d[i + 1]`: three
    products for two outputs. Along both axes it is nine for four, where a transposed convolution takes 16 and the plain
    one 36; they are four matrix products, of the features and of their three differences.
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
            kernel = torch.cat([taps[member] for member in members])
            self.register_buffer(name, kernel.t().float().contiguous())
        self.register_buffer("bias", bias.float()[:, None, None])

    def forward(self, *parts: Tensor) -> Tensor:
        count, _, height, width = parts[0].shape
        result = parts[0].new_empty(count, 2 * height, 2 * width, len(self.bias)).permute(0, 3, 1, 2)
        rows = max(1, _STRIP * torch.get_num_threads() // (count * width * self.still.shape[0]))
        for top in range(0, height, rows):
            bottom = min(height, top + rows)
            features = join(tuple(part[:, :, max(0, top - 1) : bottom + 1] for part in parts))
            padded = F.pad(features, (1, 1, int(top == 0), int(bottom == height)))
            self._double(padded, result[:, :, 2 * top : 2 * bottom])
        return result

    def _double(self, padded: Tensor, result: Tensor) -> None:
        """(N, C, H + 2, W + 2) to (N, D, 2 H, 2 W)."""
        rows, features = padded[..., 1:-1], padded[:, :, 1:-1, 1:-1]
        across = padded[..., 1:] - padded[..., :-1]
        down, both = rows[:, :, 1:] - rows[:, :, :-1], across[:, :, 1:] - across[:, :, :-1]
        own = _doubled_across(
            _mixed(features, self.still).add_(self.bias), *_mixed(across[:, :, 1:-1], self.across).chunk(2, 1)
        )
        above, below = (
            _doubled_across(still, *crossed.chunk(2, 1))
            for still, crossed in zip(
                _mixed(down, self.down).chunk(2, 1), _mixed(both, self.both).chunk(2, 1), strict=True
            )
        )
        torch.sub(own, above[:, :, :-1], out=result[:, :, ::2])
        torch.add(own, below[:, :, 1:], out=result[:, :, 1::2])
        result.relu_()


def _mixed(features: Tensor, weight: Tensor) -> Tensor:
    """(N, C, H, W), channels last, times (C, D): (N, D, H, W), channels last."""
    rows = features.permute(0, 2, 3, 1)
    return (rows.reshape(-1, rows.shape[-1]) @ weight).view(*rows.shape[:3], -1).permute(0, 3, 1, 2)


def _doubled_across(still: Tensor, first: Tensor, last: Tensor) -> Tensor:
    """(N, D, H, W), and the parts of the differences, (N, D, H, W + 1), to (N, D, H, 2 W)."""
    count, channels, height, width = still.shape
    result = still.new_empty(count, height, 2 * width, channels).permute(0, 3, 1, 2)
    torch.sub(still, first[..., :-1], out=result[..., ::2])
    torch.add(still, last[..., 1:], out=result[..., 1::2])
    return result
