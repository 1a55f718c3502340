"""The translator of SimVP's first version: a U-Net of Inception blocks at one resolution (arXiv 2206.05099)."""

from __future__ import annotations

import torch
from torch import nn

from maskreel.vfp.networks._spatial import SLOPE

KERNELS = (3, 5, 7, 11)
GROUPS = 8


class InceptionTranslator(nn.Module):
    """Features of all frames, stacked as channels, (B, channels_in, H, W) to (B, channels_out, H, W)."""

    def __init__(self, channels_in: int, width: int, channels_out: int, *, depth: int) -> None:
        super().__init__()
        half = width // 2
        inputs = [channels_in] + [width] * (depth - 1)
        self.enc = nn.Sequential(*(_Inception(channels, half, width) for channels in inputs))
        inputs = [width] + [2 * width] * (depth - 1)
        outputs = [width] * (depth - 1) + [channels_out]
        self.dec = nn.Sequential(*(_Inception(i, half, o) for i, o in zip(inputs, outputs, strict=True)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        skips: list[torch.Tensor] = []
        for block in self.enc:
            x = block(x)
            skips.append(x)
        x = self.dec[0](skips.pop())
        for block in self.dec[1:]:
            x = block(torch.cat([x, skips.pop()], dim=1))
        return x


class _Inception(nn.Module):
    # The sum of four grouped convolutions of growing size.

    def __init__(self, channels_in: int, hidden: int, channels_out: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, hidden, 1)
        self.layers = nn.Sequential(*(_GroupedConv(hidden, channels_out, kernel) for kernel in KERNELS))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv1(x)
        total = self.layers[0](x)
        for layer in self.layers[1:]:
            total = total + layer(x)
        return total


class _GroupedConv(nn.Module):
    def __init__(self, channels_in: int, channels_out: int, kernel: int) -> None:
        super().__init__()
        groups = GROUPS if channels_in % GROUPS == 0 else 1
        self.conv = nn.Conv2d(channels_in, channels_out, kernel, padding=kernel // 2, groups=groups)
        self.norm = nn.GroupNorm(groups, channels_out)
        self.act = nn.LeakyReLU(SLOPE, inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.act(self.norm(self.conv(x)))
