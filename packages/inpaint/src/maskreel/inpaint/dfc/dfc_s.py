"""DFC-S, the network that completes flow: one stage of DFC-Net (Xu et al., "Deep Flow-Guided Video Inpainting", 2019).

A ResNet whose last two layers are dilated instead of strided (output stride 8) looks at 11 flows and their masks; a
head brings its features back to full size in three steps and says what the centre flow is, in pixels. The names of
the state are those of the published checkpoints.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["DFCS", "dfc_s", "dfc_s_movie"]

_RESNET_50 = (3, 4, 6, 3)
_RESNET_101 = (3, 4, 23, 3)
_INITIAL_STD = 0.01


class DFCS(nn.Module):
    """A dilated ResNet under a head that predicts flow.

    Args:
        head: makes flow from (features (N, 2048, h, w), size); it becomes `layer5`.
        in_channels: 33 for one direction (u, v and mask of 11 flows), 66 for both.
        blocks: bottlenecks in each of the four layers.
    """

    def __init__(self, head: nn.Module, *, in_channels: int, blocks: Sequence[int] = _RESNET_50) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 64, kernel_size=7, stride=2, padding=3, bias=True)
        self.bn1 = FrozenBatchNorm(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1, ceil_mode=True)
        self.layer1 = _layer(64, 64, count=blocks[0])
        self.layer2 = _layer(256, 128, count=blocks[1], stride=2)
        self.layer3 = _layer(512, 256, count=blocks[2], dilation=2)
        self.layer4 = _layer(1024, 512, count=blocks[3], dilation=4)
        self.layer5 = head
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, 0, _INITIAL_STD)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Windows (N, in_channels, H, W) -> flow (N, out_channels, H, W), pixels; any H and W of 4 or more."""
        size = x.shape[-2:]
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))  # (N, 64, H/4, W/4)
        x = self.layer1(x)  # (N, 256, H/4, W/4)
        x = self.layer2(x)  # (N, 512, H/8, W/8)
        x = self.layer3(x)  # (N, 1024, H/8, W/8)
        x = self.layer4(x)  # (N, 2048, H/8, W/8)
        return self.layer5(x, size)


def dfc_s(in_channels: int = 33, out_channels: int = 2) -> DFCS:
    """The stages as published, on a ResNet-50: (33, 2) is the first, (66, 4) the second and the third."""
    return DFCS(MultiScaleHead(2048, out_channels), in_channels=in_channels)


def dfc_s_movie() -> DFCS:
    """The first stage of the published demo "movie": a ResNet-101 under a single convolution."""
    return DFCS(SingleScaleHead(2048, 2), in_channels=33, blocks=_RESNET_101)


class FrozenBatchNorm(nn.BatchNorm2d):
    """Batch norm by its running statistics and fixed weights, in training too (batches of windows are small)."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.train(False)
        self.requires_grad_(False)

    def train(self, mode: bool = True) -> FrozenBatchNorm:
        """Stays in evaluation."""
        del mode
        super().train(False)
        return self


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 with a shortcut; as in Caffe, the stride is in the first convolution."""

    def __init__(
        self, in_channels: int, width: int, *, stride: int = 1, dilation: int = 1, project: bool = False
    ) -> None:
        super().__init__()
        out_channels = 4 * width
        self.conv1 = nn.Conv2d(in_channels, width, kernel_size=1, stride=stride, bias=False)
        self.bn1 = FrozenBatchNorm(width)
        self.conv2 = nn.Conv2d(width, width, kernel_size=3, padding=dilation, dilation=dilation, bias=False)
        self.bn2 = FrozenBatchNorm(width)
        self.conv3 = nn.Conv2d(width, out_channels, kernel_size=1, bias=False)
        self.bn3 = FrozenBatchNorm(out_channels)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _projection(in_channels, out_channels, stride) if project else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(self.bn2(self.conv2(x)))
        return self.relu(self.bn3(self.conv3(x)) + shortcut)


class MultiScaleHead(nn.Module):
    """Features -> flow, at a quarter, a half and the whole of the size."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 256, kernel_size=5, padding=2)
        self.conv2 = nn.Conv2d(256, 128, kernel_size=3, padding=1)
        self.conv3 = nn.Conv2d(128, out_channels, kernel_size=1)

    def forward(self, x: torch.Tensor, size: torch.Size) -> torch.Tensor:
        height, width = size
        x = functional.relu(self.conv1(_upsampled(x, (height // 4, width // 4))))  # (N, 256, H/4, W/4)
        x = functional.relu(self.conv2(_upsampled(x, (height // 2, width // 2))))  # (N, 128, H/2, W/2)
        # The 1x1 convolution comes after the step to full size in the paper's code; the two commute (the weights of
        # bilinear interpolation sum to 1), and this order needs a fraction of the time and memory.
        return _upsampled(self.conv3(x), (height, width))  # (N, out, H, W)


class SingleScaleHead(nn.Module):
    """Features -> flow in one step."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, kernel_size=1)

    def forward(self, x: torch.Tensor, size: torch.Size) -> torch.Tensor:
        return _upsampled(self.conv1(x), (size[0], size[1]))


def _layer(in_channels: int, width: int, *, count: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    first = Bottleneck(in_channels, width, stride=stride, dilation=dilation, project=True)
    return nn.Sequential(first, *(Bottleneck(4 * width, width, dilation=dilation) for _ in range(count - 1)))


def _projection(in_channels: int, out_channels: int, stride: int) -> nn.Sequential:
    convolution = nn.Conv2d(in_channels, out_channels, kernel_size=1, stride=stride, bias=False)
    return nn.Sequential(convolution, FrozenBatchNorm(out_channels))


def _upsampled(x: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    return functional.interpolate(x, size, mode="bilinear", align_corners=False)
