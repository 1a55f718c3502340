"""Invert a network that others trained: ESPNetv2 (Mehta et al. 2019), Pascal VOC, 0.8 million parameters.

maskreel inversion run masks/ --teacher espnetv2:teacher --weights espnetv2_s_2.0_pascal_384x384.pth \
    --classes 1=person -o out.mp4

Attributes are called as in the published state dict, which is read without running code from it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

from maskreel.common.weights import load_into, load_state_dict
from maskreel.inversion.teachers import SemanticTeacher

if TYPE_CHECKING:
    import os

STEP = 32
"""Sides of what the network sees are multiples of this."""
DEAD = 1e-9
SCALES = (2.0, 1.5, 1.0, 0.5, 0.1)
PROJECTED = 10
"""Channels in each branch of the decoder's pyramid."""


class ESPNetv2Teacher(SemanticTeacher):
    """The adapter: names of the classes, and logits for RGB images in [0, 1] of any size."""

    class_names = (
        *("background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
        *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor"),
    )

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        size = [max(1, round(side / STEP)) * STEP for side in images.shape[-2:]]
        images = functional.interpolate(images, size, mode="bilinear", align_corners=False)
        mean, std = images.new_tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])[..., None, None]
        return self.network((images - mean) / std)

    def norm_layers(self) -> dict[str, nn.Module]:
        """Without the two whose channels all died in training: a distance in units of no variance is infinite."""
        layers = super().norm_layers()
        return {name: layer for name, layer in layers.items() if layer.get_buffer("running_var").max() > DEAD}


def teacher(weights: str | os.PathLike[str]) -> ESPNetv2Teacher:
    """The network with the weights of a file, ready to be inverted."""
    network = ESPNetv2(len(ESPNetv2Teacher.class_names))
    load_into(network, load_state_dict(weights), source=str(weights))
    return ESPNetv2Teacher(network)


class ESPNetv2(nn.Module):
    """Logits (B, classes, H, W) for normalised images whose sides are multiples of 32."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.base_net = Encoder()
        self.bu_dec_l1, self.bu_dec_l2 = Pyramid(512, 64), Pyramid(64, 48)
        self.bu_dec_l3, self.bu_dec_l4 = Pyramid(48, 32), Pyramid(32, classes, last=True)
        self.merge_enc_dec_l2, self.merge_enc_dec_l3, self.merge_enc_dec_l4 = Gate(256, 64), Gate(128, 48), Gate(32, 32)
        self.bu_br_l2, self.bu_br_l3, self.bu_br_l4 = norm(64), norm(48), norm(32)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        half, quarter, eighth, sixteenth = self.base_net(images)
        y = self.bu_dec_l1(sixteenth)
        y = self.bu_dec_l2(self.bu_br_l2(resize(y, eighth.shape) + self.merge_enc_dec_l2(eighth)))
        y = self.bu_dec_l3(self.bu_br_l3(resize(y, quarter.shape) + self.merge_enc_dec_l3(quarter)))
        y = self.bu_dec_l4(self.bu_br_l4(resize(y, half.shape) + self.merge_enc_dec_l4(half)))
        return resize(y, images.shape)


class Encoder(nn.Module):
    """Features at strides 2, 4, 8 and 16."""

    def __init__(self) -> None:
        super().__init__()
        self.level1 = Conv(3, 32, 3, stride=2)
        self.level2_0 = Down(32, 128)
        self.level3_0 = Down(128, 256)
        self.level3 = nn.Sequential(*(EESP(256, 256) for _ in range(3)))
        self.level4_0 = Down(256, 512)
        self.level4 = nn.Sequential(*(EESP(512, 512, dilations=(1, 1, 2, 3)) for _ in range(7)))

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        half = self.level1(images)
        quarter = self.level2_0(half, images)
        eighth = self.level3(self.level3_0(quarter, images))
        return half, quarter, eighth, self.level4(self.level4_0(eighth, images))


class Conv(nn.Module):
    """Convolution, batch norm and, unless told otherwise, PReLU."""

    def __init__(self, inputs: int, outputs: int, side: int, *, stride: int = 1, groups: int = 1, act: bool = True):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, side, stride, side // 2, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(outputs)
        self.act = nn.PReLU(outputs) if act else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.act(self.bn(self.conv(x)))


class Norm(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bn, self.act = nn.BatchNorm2d(channels), nn.PReLU(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.act(self.bn(x))


class Dilated(nn.Module):
    """3x3, each channel by itself."""

    def __init__(self, channels: int, stride: int, dilation: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride, dilation, dilation, groups=channels, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x)


class EESP(nn.Module):
    """Four dilated convolutions of one projection, each with the sum of those before it added."""

    def __init__(
        self, inputs: int, outputs: int, *, stride: int = 1, dilations: tuple[int, ...] = (1, 2, 3, 4)
    ) -> None:
        super().__init__()
        branches = len(dilations)
        width = outputs // branches
        self.proj_1x1 = Conv(inputs, width, 1, groups=branches)
        self.spp_dw = nn.ModuleList(Dilated(width, stride, dilation) for dilation in dilations)
        self.br_after_cat = Norm(outputs)
        self.conv_1x1_exp = Conv(outputs, outputs, 1, groups=branches, act=False)
        self.module_act = nn.PReLU(outputs)  # with a stride it is in the file, but not used
        self.residual = stride == 1

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        projected = self.proj_1x1(x)
        branches = [self.spp_dw[0](projected)]
        for branch in self.spp_dw[1:]:
            branches.append(branches[-1] + branch(projected))
        y = self.conv_1x1_exp(self.br_after_cat(torch.cat(branches, 1)))
        return self.module_act(x + y) if self.residual else y


class Down(nn.Module):
    """Half the size, more channels; the input image is mixed in."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.eesp = EESP(inputs, outputs - inputs, stride=2)
        self.inp_reinf = nn.Sequential(Conv(3, 3, 3), Conv(3, outputs, 1, act=False))
        self.act = nn.PReLU(outputs)

    def forward(self, x: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
        y = torch.cat([halve(x), self.eesp(x)], 1)
        while images.shape[-2] > y.shape[-2]:
            images = halve(images)
        return self.act(y + self.inp_reinf(images))


class Pyramid(nn.Module):
    """Convolutions at five sizes, put together."""

    def __init__(self, inputs: int, outputs: int, *, last: bool = False) -> None:
        super().__init__()
        width = PROJECTED * len(SCALES)
        depthwise = {"groups": PROJECTED, "bias": False}
        self.projection_layer = Named("cbr", conv(inputs, PROJECTED, 1))
        self.stages = nn.ModuleList(nn.Conv2d(PROJECTED, PROJECTED, 3, padding=1, **depthwise) for _ in SCALES)
        self.merge_layer = nn.Sequential(
            Named("br", norm(width)),
            nn.ChannelShuffle(len(SCALES)),
            Named("cbr", conv(width, PROJECTED, 3, groups=PROJECTED)),
            nn.Conv2d(PROJECTED, outputs, 1, bias=last),
        )
        self.br = nn.Identity() if last else Named("br", norm(outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.projection_layer(x)
        found = [at_scale(stage, x, scale) for stage, scale in zip(self.stages, SCALES, strict=True)]
        return self.br(self.merge_layer(torch.cat(found, 1)))


class Gate(nn.Module):
    """Features of the encoder for the decoder, weighed by channel."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        gate = nn.Conv2d(inputs, outputs, 1, bias=False)
        self.wt_layer = nn.Sequential(nn.AdaptiveAvgPool2d(1), gate, nn.Sigmoid())
        self.expansion_layer = Named("cbr", conv(inputs, outputs, 3, groups=math.gcd(inputs, outputs)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.expansion_layer(x) * self.wt_layer(x)


class Named(nn.Sequential):
    """One part under a name."""

    def __init__(self, name: str, part: nn.Module) -> None:
        super().__init__()
        self.add_module(name, part)


def conv(inputs: int, outputs: int, side: int, groups: int = 1) -> nn.Sequential:
    first = nn.Conv2d(inputs, outputs, side, padding=side // 2, groups=groups, bias=False)
    return nn.Sequential(first, *norm(outputs))


def norm(channels: int) -> nn.Sequential:
    return nn.Sequential(nn.BatchNorm2d(channels), nn.PReLU(channels))


def halve(x: torch.Tensor) -> torch.Tensor:
    return functional.avg_pool2d(x, 3, stride=2, padding=1)


def resize(x: torch.Tensor, shape: torch.Size | tuple[int, ...]) -> torch.Tensor:
    return functional.interpolate(x, shape[-2:], mode="bilinear", align_corners=True)


def at_scale(stage: nn.Module, x: torch.Tensor, scale: float) -> torch.Tensor:
    """A convolution at another size; shrinking is averaging."""
    height, width = x.shape[-2:]
    size = max(5, math.ceil(height * scale)), max(5, math.ceil(width * scale))
    if scale > 1:
        return functional.adaptive_avg_pool2d(stage(resize(x, size)), (height, width))
    if scale < 1:
        return resize(stage(functional.adaptive_avg_pool2d(x, size)), x.shape)
    return stage(x)
