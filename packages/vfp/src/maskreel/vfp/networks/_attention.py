"""The translators with large-kernel attention: gSTA (SimVPv2, arXiv 2211.12509) and TAU (arXiv 2206.12126)."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Literal

import torch
from torch import nn
from torch.nn import functional

from maskreel.vfp.networks._fast import PointwiseConv, channels_together, dilated_depthwise

Attention = Literal["gsta", "tau"]

LAYER_SCALE = 1e-2
DROP_PATH_START = 1e-2
"""Of the first block; the published schedule is linear from here to the configured value in the last."""
DILATION = 3
SQUEEZE = 16


class AttentionTranslator(nn.Module):
    """Features of all frames, stacked as channels, (B, channels_in, H, W) to (B, channels_out, H, W).

    The blocks keep their width; after the first and the last, a 1x1 convolution changes it where it has to.
    """

    def __init__(
        self,
        channels_in: int,
        width: int,
        channels_out: int,
        *,
        depth: int,
        attention: Attention,
        mlp_ratio: float,
        drop_path: float,
    ) -> None:
        super().__init__()
        widths = [channels_in] + [width] * (depth - 1) + [channels_out]
        rates = torch.linspace(DROP_PATH_START, drop_path, depth).tolist() if drop_path else [0.0] * depth
        self.enc = nn.Sequential(
            *(
                _Stage(c_in, c_out, attention=attention, mlp_ratio=mlp_ratio, drop_path=rate)
                for (c_in, c_out), rate in zip(pairwise(widths), rates, strict=True)
            )
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.enc(channels_together(x))


class _Stage(nn.Module):
    def __init__(
        self, channels_in: int, channels_out: int, *, attention: Attention, mlp_ratio: float, drop_path: float
    ) -> None:
        super().__init__()
        self.block = AttentionBlock(channels_in, attention=attention, mlp_ratio=mlp_ratio, drop_path=drop_path)
        if channels_in != channels_out:
            self.reduction = PointwiseConv(channels_in, channels_out)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.block(x)
        return self.reduction(x) if hasattr(self, "reduction") else x


class AttentionBlock(nn.Module):
    """Attention and an MLP, each after batch norm, scaled, and added to what went in; the shape stays (N, C, H, W)."""

    def __init__(self, channels: int, *, attention: Attention, mlp_ratio: float, drop_path: float) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(channels)
        self.attn = _SpatialAttention(channels, attention)
        self.norm2 = nn.BatchNorm2d(channels)
        self.mlp = _ConvMLP(channels, int(channels * mlp_ratio))
        self.layer_scale_1 = nn.Parameter(torch.full((channels,), LAYER_SCALE))
        self.layer_scale_2 = nn.Parameter(torch.full((channels,), LAYER_SCALE))
        self.drop_path = drop_path
        self.apply(_start)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self._dropped(self.layer_scale_1[:, None, None] * self.attn(self.norm1(x)))
        return x + self._dropped(self.layer_scale_2[:, None, None] * self.mlp(self.norm2(x)))

    def _dropped(self, residual: torch.Tensor) -> torch.Tensor:
        # Stochastic depth (Huang et al. 2016): the whole residual of a sample, the others scaled up.
        if not self.training or self.drop_path == 0.0:
            return residual
        kept = 1.0 - self.drop_path
        return residual * torch.bernoulli(residual.new_full((len(residual), 1, 1, 1), kept)) / kept


class _SpatialAttention(nn.Module):
    def __init__(self, channels: int, attention: Attention) -> None:
        super().__init__()
        self.proj_1 = PointwiseConv(channels, channels)
        self.spatial_gating_unit = _GatedUnit(channels) if attention == "gsta" else _TemporalUnit(channels)
        self.proj_2 = PointwiseConv(channels, channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.residual(x)

    def residual(self, x: torch.Tensor) -> torch.Tensor:
        return self.proj_2(self.spatial_gating_unit(functional.gelu(self.proj_1(x))))


class _LargeKernel(nn.Module):
    # A depth-wise kernel of 21x21 in effect: 5x5, then 7x7 with dilation 3.

    def __init__(self, channels: int, channels_out: int) -> None:
        super().__init__()
        self.conv0 = nn.Conv2d(channels, channels, 5, padding=2, groups=channels)
        self.conv_spatial = nn.Conv2d(channels, channels, 7, padding=3 * DILATION, groups=channels, dilation=DILATION)
        self.conv1 = PointwiseConv(channels, channels_out)

    def large(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv1(dilated_depthwise(self.conv_spatial, self.conv0(x)))


class _GatedUnit(_LargeKernel):
    def __init__(self, channels: int) -> None:
        super().__init__(channels, 2 * channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.glu(self.large(x), dim=1)


class _TemporalUnit(_LargeKernel):
    # Static attention within the frames times dynamic attention over the channels, which are the time steps.

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels)
        hidden = channels // max(channels // SQUEEZE, 4)
        self.fc = nn.Sequential(
            nn.Linear(channels, hidden, bias=False), nn.ReLU(), nn.Linear(hidden, channels, bias=False), nn.Sigmoid()
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(x.mean(dim=(2, 3)))[:, :, None, None] * self.large(x) * x


class _ConvMLP(nn.Module):
    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = PointwiseConv(channels, hidden)
        self.dwconv = nn.ModuleDict({"dwconv": nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden)})
        self.fc2 = PointwiseConv(hidden, channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc2(functional.gelu(self.dwconv["dwconv"](self.fc1(x))))


def _start(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
    if isinstance(module, nn.Conv2d):
        fan_out = math.prod(module.kernel_size) * module.out_channels // module.groups
        nn.init.normal_(module.weight, std=math.sqrt(2 / fan_out))
        assert module.bias is not None
        nn.init.zeros_(module.bias)
