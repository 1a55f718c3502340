"""SimVP's encoder and decoder: what is done to every frame by itself.

After Gao et al., "SimVP: Simpler yet Better Video Prediction" (arXiv 2206.05099), and its second version in OpenSTL.
The names of the modules are those of the published checkpoints.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import nn
from torch.nn import functional

Layout = Literal["openstl", "original"]

SLOPE = 0.2
"""Of the leaky ReLU in the first version."""
NORM_GROUPS = 2
CONV_STD = 0.02


class Encoder(nn.Module):
    """Frames (N, channels, H, W) to features (N, width, H / stride, W / stride) and the skip (N, width, H, W)."""

    def __init__(self, channels: int, width: int, depth: int, *, layout: Layout) -> None:
        super().__init__()
        widths = [channels] + [width] * (depth - 1)
        strides = strides_of(depth)
        self.enc = nn.Sequential(
            *(_ConvBlock(c, width, s, layout=layout) for c, s in zip(widths, strides, strict=True))
        )

    def forward(self, frames: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        skip = self.enc[0](frames)
        return self.enc[1:](skip), skip


class Decoder(nn.Module):
    """Features and skip back to frames (N, channels, H, W), without an activation at the end.

    The first version puts skip and features side by side, the second adds them.
    """

    def __init__(self, width: int, channels: int, depth: int, *, layout: Layout) -> None:
        super().__init__()
        self.concatenates = layout == "original"
        widths = [width] * (depth - 1) + [2 * width if self.concatenates else width]
        strides = reversed(strides_of(depth))
        self.dec = nn.Sequential(
            *(_ConvBlock(c, width, s, up=True, layout=layout) for c, s in zip(widths, strides, strict=True))
        )
        self.readout = nn.Conv2d(width, channels, 1)

    def forward(self, features: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        features = self.dec[:-1](features)
        features = torch.cat([features, skip], dim=1) if self.concatenates else features + skip
        return self.readout(self.dec[-1](features))


def strides_of(depth: int) -> list[int]:
    """Of the encoder's layers: 1, 2, 1, 2, ..."""
    return [1, 2] * (depth // 2)


class _ConvBlock(nn.Module):
    # One level more than needed, because the published names have it: enc.enc.0.conv.norm.weight.

    def __init__(self, channels_in: int, channels_out: int, stride: int, *, layout: Layout, up: bool = False) -> None:
        super().__init__()
        self.conv = _ConvNormAct(channels_in, channels_out, stride, up=up, layout=layout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x)


class _ConvNormAct(nn.Module):
    def __init__(self, channels_in: int, channels_out: int, stride: int, *, up: bool, layout: Layout) -> None:
        super().__init__()
        original = layout == "original"
        self.conv = _convolution(channels_in, channels_out, stride, up=up, transposed=original)
        self.norm = nn.GroupNorm(NORM_GROUPS, channels_out)
        self.act = nn.LeakyReLU(SLOPE, inplace=True) if original else _SiLU()
        if not original:
            self.apply(_start_small)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.act(self.norm(self.conv(x)))


class _SiLU(nn.Module):
    # In place, training would have to copy the input, which the gradient needs.

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.silu(x, inplace=not torch.is_grad_enabled())


def _convolution(channels_in: int, channels_out: int, stride: int, *, up: bool, transposed: bool) -> nn.Module:
    if not up or stride == 1:
        return nn.Conv2d(channels_in, channels_out, 3, stride, padding=1)
    if transposed:
        return nn.ConvTranspose2d(channels_in, channels_out, 3, stride, padding=1, output_padding=1)
    return nn.Sequential(nn.Conv2d(channels_in, channels_out * stride**2, 3, padding=1), nn.PixelShuffle(stride))


def _start_small(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.trunc_normal_(module.weight, std=CONV_STD)
        assert module.bias is not None
        nn.init.zeros_(module.bias)
