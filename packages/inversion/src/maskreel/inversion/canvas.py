"""`Canvas`: a picture whose pixels are optimised, coarse and fine parts at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

from maskreel.inversion.resize import resized

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Canvas"]

STEEPNESS = 4.0
"""Slope of the curve to [0, 1]; at 4, a change of grey by 0.01 takes one of 0.01."""
CHROMA_FROM = 3
"""First level with colour: in pictures, colour changes less from place to place than brightness does."""
OPPONENT = ((1.0, 0.5, 0.3), (1.0, -0.5, 0.3), (1.0, 0.0, -0.6))
"""Red, green and blue (rows) of grey, red against green, and yellow against blue."""
NEAREST_END = 0.02
"""Start pixels are kept this far from 0 and 1, where the curve is flat."""


class Canvas(nn.Module):
    """A picture (C, h, w) as the sum of a start and of parameters at its size, at half, at a quarter of it, ...

    Optimisers such as Adam move every parameter by about as much, whatever it stands for. On pixels alone that paints
    noise, because a large even change takes all of them to agree; here a single parameter does it. The sum passes
    through a sigmoid, so colours stay in (0, 1) by themselves. Burt and Adelson's pyramid (1983) as parameters; Olah et
    al. ("Feature Visualization", 2017) do the same in the Fourier domain.

    Args:
        start: float (C, h, w) in [0, 1]; with 0 levels of any values.
        levels: Resolutions; 0: the pixels themselves are the parameter and nothing bounds them but `clamp_`.
    """

    start: torch.Tensor

    def __init__(self, start: torch.Tensor, levels: int) -> None:
        super().__init__()
        if levels < 0:
            raise ValueError(f"levels must be 0 or more, got {levels}")
        self.levels = levels
        start = start.detach().clone()
        if not levels:
            self.pixels = nn.Parameter(start)
            return
        inner = start.clamp(NEAREST_END, 1 - NEAREST_END).logit() / STEEPNESS
        self.register_buffer("start", inner)
        grey = range(min(CHROMA_FROM, levels - 1))  # levels without colour
        sizes = enumerate(_sizes(start.shape[-2:], levels))
        self.pyramid = nn.ParameterList(start.new_zeros(1 if k in grey else 3, *size) for k, size in sizes)

    def forward(self) -> torch.Tensor:
        """The picture (C, h, w), differentiable in the parameters."""
        if not self.levels:
            return self.pixels
        total = self.start
        for level in self.pyramid:
            total = total + _enlarged(_rgb(level), self.size)
        return torch.sigmoid(STEEPNESS * total)

    @property
    def size(self) -> tuple[int, int]:
        """(h, w) in pixels."""
        some = self.start if self.levels else self.pixels
        return some.shape[-2], some.shape[-1]

    @torch.no_grad()
    def clamp_(self, low: float = 0.0, high: float = 1.0) -> None:
        """Bring bare pixels back into a range; with levels there is nothing to do."""
        if not self.levels:
            self.pixels.clamp_(low, high)

    @torch.no_grad()
    def tint_(self, colour: torch.Tensor) -> None:
        """Shift the start to a mean RGB colour (3,); with levels, the mean is that of what goes into the sigmoid."""
        if not self.levels:
            self.pixels += (colour - self.pixels.mean((1, 2)))[:, None, None]
            return
        inner = colour.clamp(NEAREST_END, 1 - NEAREST_END).logit() / STEEPNESS
        self.start += (inner - self.start.mean((1, 2)))[:, None, None]

    @torch.no_grad()
    def resized(self, size: tuple[int, int]) -> Canvas:
        """A new canvas that starts as this picture at another size."""
        return Canvas(resized(self()[None], size)[0], self.levels)


def _sizes(size: Sequence[int], levels: int) -> list[tuple[int, int]]:
    return [(-(-size[0] // 2**k), -(-size[1] // 2**k)) for k in range(levels)]


def _rgb(level: torch.Tensor) -> torch.Tensor:
    """Red, green and blue of a level, which has grey alone or grey and two opponent colours."""
    if len(level) == 1:
        return level.expand(3, -1, -1)
    return torch.einsum("rc,chw->rhw", level.new_tensor(OPPONENT), level)


def _enlarged(level: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    if tuple(level.shape[-2:]) == size:
        return level
    return functional.interpolate(level[None], size, mode="bilinear", align_corners=False)[0]
