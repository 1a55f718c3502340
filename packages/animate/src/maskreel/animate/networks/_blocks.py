"""Building blocks of the first-order-motion family (Siarohin et al. 2019); all convolutions have a bias."""

from __future__ import annotations

from torch import Tensor, nn

__all__ = ["DownBlock", "ResBlock", "SameBlock", "UpBlock"]


class SameBlock(nn.Sequential):
    """Convolution, batch norm, ReLU: (N, C, H, W) to (N, D, H, W)."""

    def __init__(self, channels_in: int, channels_out: int, *, kernel: int = 3) -> None:
        super().__init__(
            nn.Conv2d(channels_in, channels_out, kernel, padding=kernel // 2), nn.BatchNorm2d(channels_out), nn.ReLU()
        )


class DownBlock(nn.Sequential):
    """As `SameBlock`, then means of 2x2: (N, C, H, W) to (N, D, H / 2, W / 2)."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(SameBlock(channels_in, channels_out), nn.AvgPool2d(2))


class UpBlock(nn.Sequential):
    """Every pixel four times, then as `SameBlock`: (N, C, H, W) to (N, D, 2 H, 2 W)."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(nn.Upsample(scale_factor=2, mode="nearest"), SameBlock(channels_in, channels_out))


class ResBlock(nn.Module):
    """Two convolutions, each after batch norm and ReLU, added to the input (pre-activation, He et al. 2016)."""

    def __init__(self, channels: int, *, dilation: int = 1) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation),
        )

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape."""
        return features + self.branch(features)
