"""3x3 convolutions with a quarter of the products (Winograd 1980; Lavin and Gray 2016), all of it matrix products.

F(4x4, 3x3): every 6x6 pixels give 4x4 outputs by 36 products for each pair of channels in place of 144. The points of
interpolation are 0, infinity and both signs of the roots of 1/2 and 2, which make rounding errors small: below 1e-5 of
what is convolved, in float32. Worth it for many channels only, because going to the points and back costs time, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["WinogradConvolution"]

_STEP, _TAPS = 4, 6
"""Outputs and pixels of a tile along one axis; there are as many points as pixels."""

_TILES = 64
"""At once, for each thread (measured): more leave the cache, fewer read the kernels too often."""

_INNER, _OUTER = 0.5**0.5, 2**0.5


class WinogradConvolution(nn.Module):
    """(N, C, H + 2, W + 2), channels last, padded already, to (N, D, H, W), channels last.

    Args:
        weight: (D, C, 3, 3).
        bias: (D,) or None.
        few: whether there will be so few tiles that reading the kernels takes longest; they lie in another order then.
    """

    kernels: Tensor
    bias: Tensor | None
    analysis: Tensor
    synthesis: Tensor

    def __init__(self, weight: Tensor, bias: Tensor | None, *, few: bool = False) -> None:
        super().__init__()
        self._few, self._width = few, len(weight)
        kernel = _kernel_to_points().to(weight.device)
        order = "pk,dckl,ql->pqdc" if few else "pk,dckl,ql->pqcd"
        kernels = torch.einsum(order, kernel, weight.double(), kernel)
        # In three dimensions: a network that becomes channels last would change the order of four.
        self.register_buffer("kernels", kernels.flatten(0, 1).float().contiguous())
        self.register_buffer("bias", None if bias is None else bias.float())
        self.register_buffer("analysis", _pixels_to_points().to(weight.device).float())
        self.register_buffer("synthesis", _points_to_outputs().to(weight.device).float())

    def forward(self, padded: Tensor) -> Tensor:
        height, width = padded.shape[2] - 2, padded.shape[3] - 2
        rows, below, beside = padded.permute(0, 2, 3, 1), -height % _STEP, -width % _STEP
        if below or beside:
            rows = F.pad(rows, (0, 0, 0, beside, 0, below))
        result = rows.new_empty(len(rows), height + below, width + beside, self._width)
        for images, top, bottom in _strips(len(rows), (height + below) // _STEP, (width + beside) // _STEP):
            self._convolve(rows[images, _STEP * top : _STEP * bottom + 2], result[images, _STEP * top : _STEP * bottom])
        if self.bias is not None:
            result += self.bias
        return result[:, :height, :width].permute(0, 3, 1, 2)

    def _convolve(self, rows: Tensor, result: Tensor) -> None:
        """(N, 4 T + 2, 4 S + 2, C) to (N, 4 T, 4 S, D)."""
        points = self._at_points(rows)
        lines, across = points.shape[1:3]
        outputs = rows.new_empty(_TAPS, lines * across, _STEP, result.shape[-1])
        synthesis = self.synthesis.expand(lines * across, -1, -1)
        for tiles, kernels, output in zip(points.flatten(1, 2), self.kernels.split(_TAPS), outputs, strict=True):
            if self._few:
                products = torch.bmm(kernels, tiles.permute(1, 2, 0)).permute(2, 0, 1)
            else:
                products = torch.bmm(tiles.transpose(0, 1), kernels).transpose(0, 1)
            torch.bmm(synthesis, products, out=output)
        parts = outputs.view(_TAPS, lines, -1).unbind(1)
        for part, four in zip(parts, result.reshape(lines, _STEP, -1), strict=True):
            torch.mm(self.synthesis, part, out=four)

    def _at_points(self, rows: Tensor) -> Tensor:
        """(N, 4 T + 2, 4 S + 2, C) to the points of rows and of columns, (6, N T, S, 6, C)."""
        count, height, width, channels = rows.shape
        lines, across = count * (height // _STEP), width // _STEP
        windows = (image[top : top + _TAPS] for image in rows.flatten(2) for top in range(0, height - 2, _STEP))
        columns = rows.new_empty(_TAPS, lines, width * channels)
        for number, window in enumerate(windows):
            torch.mm(self.analysis, window, out=columns[:, number])
        points = rows.new_empty(_TAPS, lines, across, _TAPS, channels)
        analysis = self.analysis.expand(across, -1, -1)
        for line, own in zip(columns.view(-1, width, channels), points.flatten(0, 1), strict=True):
            torch.bmm(analysis, line.unfold(0, _TAPS, _STEP).transpose(1, 2), out=own)
        return points


def _strips(images: int, down: int, across: int) -> Iterator[tuple[slice, int, int]]:
    """Whole images, or rows of tiles of one: parts so small that what is made of them stays in the cache."""
    tiles = _TILES * torch.get_num_threads()
    together, height = max(1, tiles // (down * across)), max(1, tiles // across)
    for first in range(0, images, together):
        for top in range(0, down, height):
            yield slice(first, first + together), top, min(down, top + height)


def _kernel_to_points() -> Tensor:
    """(6, 3), float64: values of the kernel's polynomial at the points, over the derivative of what vanishes at all."""
    rows = [[1.0, 0.0, 0.0]]
    for point, other in ((_INNER, _OUTER), (_OUTER, _INNER)):
        weight = 1 / (2 * point**2 * (point**2 - other**2))
        rows += [[weight, sign * point * weight, point**2 * weight] for sign in (1, -1)]
    return torch.tensor([*rows, [0.0, 0.0, 1.0]], dtype=torch.float64)


def _pixels_to_points() -> Tensor:
    """(6, 6), float64: for each point, the coefficients of what vanishes at all the others."""
    both = _INNER**2 + _OUTER**2
    rows = [[1, 0, -both, 0, 1, 0]]
    for point, other in ((_INNER, _OUTER), (_OUTER, _INNER)):
        rows += [[0, -sign * point * other**2, -(other**2), sign * point, 1, 0] for sign in (1, -1)]
    return torch.tensor([*rows, [0, 1, 0, -both, 0, 1]], dtype=torch.float64)


def _points_to_outputs() -> Tensor:
    """(4, 6), float64: powers of the points; the highest alone sees the one at infinity."""
    points = torch.tensor([0, _INNER, -_INNER, _OUTER, -_OUTER], dtype=torch.float64)
    powers = points ** torch.arange(_STEP)[:, None]
    infinity = torch.tensor([0, 0, 0, 1], dtype=torch.float64)
    return torch.cat([powers, infinity[:, None]], dim=1)
