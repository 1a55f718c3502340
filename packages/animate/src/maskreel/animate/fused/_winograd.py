"""3x3 convolutions with a quarter of the products (Winograd 1980; Lavin and Gray 2016), in plain tensor operations.

F(4x4, 3x3): every 6x6 pixels give 4x4 outputs by 36 products for each pair of channels in place of 144. The points of
interpolation are 0, infinity and both signs of the roots of 1/2 and 2, which make rounding errors small: below 1e-5 of
what is convolved, in float32. Worth it for many channels only, because the sums before and after cost their time, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["WinogradConvolution"]

_INNER, _OUTER = 0.5**0.5, 2**0.5
_STEP, _TAPS = 4, 6


class WinogradConvolution(nn.Module):
    """(N, C, H + 2, W + 2), channels last, padded already, to (N, D, H, W), channels last."""

    points: Tensor
    bias: Tensor | None

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        kernel = _kernel_matrix().to(weight.device)
        points = torch.einsum("pk,dckl,ql->pqcd", kernel, weight.double(), kernel)
        self.register_buffer("points", points.flatten(0, 1).float().contiguous())
        self.register_buffer("bias", None if bias is None else bias.float())

    def forward(self, padded: Tensor) -> Tensor:
        height, width = padded.shape[2] - 2, padded.shape[3] - 2
        rows = F.pad(padded.permute(0, 2, 3, 1), (0, 0, 0, -width % _STEP, 0, -height % _STEP))
        result = self._convolved(rows)[:, :height, :width]
        if self.bias is not None:
            result += self.bias
        return result.permute(0, 3, 1, 2)

    def _convolved(self, rows: Tensor) -> Tensor:
        """(N, 4 T + 2, 4 S + 2, C) to (N, 4 T, 4 S, D)."""
        count, height, width, channels = rows.shape
        down, across = height // _STEP, width // _STEP
        shape = (count, down, across)
        columns = rows.new_empty(_TAPS, count, down, width, channels)
        _analyse(rows, 1, columns.unbind(0))
        tiles = rows.new_empty(_TAPS, _TAPS, *shape, channels)
        _analyse(columns, 3, tiles.unbind(1))
        products = torch.bmm(tiles.view(_TAPS**2, -1, channels), self.points).view(_TAPS, _TAPS, *shape, -1)
        lines = rows.new_empty(_TAPS, *shape, _STEP, products.shape[-1])
        _synthesise(products.unbind(1), lines.unbind(-2))
        result = rows.new_empty(count, down, _STEP, across * _STEP, products.shape[-1])
        _synthesise(lines.view(_TAPS, count, down, across * _STEP, -1).unbind(0), result.unbind(2))
        return result.flatten(1, 2)


def _kernel_matrix() -> Tensor:
    """Values of the kernel's polynomial at the points, over the derivative of what vanishes at all of them."""
    rows = [[1.0, 0.0, 0.0]]
    for point, other in ((_INNER, _OUTER), (_OUTER, _INNER)):
        weight = 1 / (2 * point**2 * (point**2 - other**2))
        rows += [[weight, sign * point * weight, point**2 * weight] for sign in (1, -1)]
    return torch.tensor([*rows, [0.0, 0.0, 1.0]], dtype=torch.float64)


def _analyse(pixels: Tensor, axis: int, results: Sequence[Tensor]) -> None:
    """Six sums of every six pixels along `axis`, four pixels on each time."""
    steps = (pixels.shape[axis] - 2) // _STEP
    zeroth, first, second, third, fourth, fifth = (
        pixels.narrow(axis, tap, pixels.shape[axis] - _TAPS + 1)[(slice(None),) * axis + (slice(None, None, _STEP),)]
        for tap in range(_TAPS)
    )
    assert zeroth.shape[axis] == steps
    torch.add(fourth, second, alpha=-2.5, out=results[0]).add_(zeroth)
    torch.add(fifth, third, alpha=-2.5, out=results[5]).add_(first)
    for place, point, other in ((1, _INNER, _OUTER), (3, _OUTER, _INNER)):
        even = torch.add(fourth, second, alpha=-(other**2))
        odd = torch.add(third, first, alpha=-(other**2))
        torch.add(even, odd, alpha=point, out=results[place])
        torch.add(even, odd, alpha=-point, out=results[place + 1])


def _synthesise(points: Sequence[Tensor], results: Sequence[Tensor]) -> None:
    """Four outputs from six products."""
    inner, inner_odd = points[1] + points[2], points[1] - points[2]
    outer, outer_odd = points[3] + points[4], points[3] - points[4]
    torch.add(inner, outer, out=results[0]).add_(points[0])
    torch.mul(inner_odd, _INNER, out=results[1]).add_(outer_odd, alpha=_OUTER)
    torch.mul(inner, _INNER**2, out=results[2]).add_(outer, alpha=_OUTER**2)
    torch.add(points[5], inner_odd, alpha=_INNER**3, out=results[3]).add_(outer_odd, alpha=_OUTER**3)
