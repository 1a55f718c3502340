"""L, and BGBase, which differs in its input only: from small pictures to a first picture in full size."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn

from maskreel.animate.networks._blocks import ResBlock, SameBlock, UpBlock

__all__ = ["LowResolution"]


class LowResolution(nn.Sequential):
    """One wide convolution, residual blocks at the small size, and doublings, each to half the width.

    Small pictures (N, channels, h, w), joined in channels, to (N, 3, factor * h, factor * w) in [0, 1].

    Args:
        channels: of the input: 5 for L (source 3, its mask 1, driving mask 1), 8 for BGBase (two masks, two pictures).
        width: of the residual blocks.
        blocks: how many of them.
        dilation: of the convolutions in each residual block, relative to the block before; with 1, as published, a
            picture's parts can move by 15 small pixels only.
        doublings: 2 for the published four-fold enlargement.
    """

    def __init__(
        self, channels: int, *, width: int = 256, blocks: int = 6, dilation: int = 1, doublings: int = 2
    ) -> None:
        widths = [width // 2**level for level in range(doublings + 1)]
        super().__init__(
            SameBlock(channels, width, kernel=7),
            *(ResBlock(width, dilation=dilation**number) for number in range(blocks)),
            *(UpBlock(inner, outer) for inner, outer in itertools.pairwise(widths)),
            nn.Conv2d(widths[-1], 3, 7, padding=3),
            nn.Sigmoid(),
        )

    def forward(self, *parts: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The parts of the input in their order."""
        return super().forward(torch.cat(parts, dim=1))
