"""Encoder and decoder, with skips between them or without."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn

from maskreel.animate.networks._blocks import DownBlock, UpBlock

__all__ = ["Hourglass"]


class Hourglass(nn.Module):
    """`depth` halvings and as many doublings; widths grow as `width * 2**k` up to `widest`.

    With skips each doubling also sees the encoder's features of its size, and the output is joined by the input
    (`width + channels` channels); without, everything must pass the smallest size (`width` channels).

    Height and width must be multiples of 2**depth.
    """

    def __init__(self, channels: int, width: int, *, depth: int = 5, widest: int = 1024, skips: bool) -> None:
        super().__init__()
        widths = [channels, *(min(widest, width * 2**level) for level in range(1, depth + 1))]
        self.encoder = nn.ModuleList(DownBlock(inner, outer) for inner, outer in itertools.pairwise(widths))
        self.decoder = nn.ModuleList(
            UpBlock(
                widths[level] * (2 if skips and level < depth else 1),
                min(widest, width * 2 ** (level - 1)),
            )
            for level in range(depth, 0, -1)
        )
        self.skips = skips
        self.joined = channels if skips else 0
        self.out_channels = width + self.joined

    def forward(self, features: Tensor) -> Tensor:
        """(N, channels, H, W) to (N, out_channels, H, W)."""
        passed = [features]
        for down in self.encoder:
            passed.append(down(passed[-1]))
        features = passed.pop()
        for up in self.decoder:
            features = up(features)
            if self.skips:
                features = torch.cat([features, passed.pop()], dim=1)
        return features
