"""A small U-Net (Ronneberger et al. 2015) that names the class of every pixel."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

CHANNELS = (24, 40, 64, 96)
"""At strides 2, 4, 8 and 16."""
GROUPS = 8
STRIDE = 16
MEAN, STD = 0.5, 0.25
BACKGROUND_LOGIT = 5.0
"""Where training starts: nearly all pixels are background, which need not be learned first (as in RetinaNet)."""


class UNet(nn.Module):
    """RGB in [0, 1], float32 (B, 3, H, W), to class logits (B, classes, H, W), for any H and W.

    It shares nothing with the Mask R-CNN whose work it checks: group norm and SiLU instead of batch norm and ReLU, 2x2
    blocks of pixels as input channels instead of a strided convolution, dense classes instead of boxes, and sub-pixel
    upsampling (Shi et al. 2016) at the end.

    Args:
        classes: Number of classes, the background included.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        if classes < 2:
            raise ValueError(f"classes must be 2 or more, got {classes}")
        self.classes = classes
        c2, c4, c8, c16 = CHANNELS
        self.stem = _conv(3 * 4, c2)
        self.down = nn.ModuleList([_double(c2, c4), _double(c4, c8), _double(c8, c16)])
        self.up = nn.ModuleList([_double(c16 + c8, c8), _double(c8 + c4, c4), _conv(c4 + c2, c2)])
        self.head = nn.Conv2d(c2, classes * 4, 1)
        assert self.head.bias is not None
        nn.init.constant_(self.head.bias[:4], BACKGROUND_LOGIT)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        height, width = images.shape[-2:]
        blocks = self.block_logits(images).flatten(1, 2)
        return functional.pixel_shuffle(blocks, 2)[..., :height, :width]

    def block_logits(self, images: torch.Tensor) -> torch.Tensor:
        """The same logits in 2x2 blocks of pixels, (B, classes, 4, ceil(H / 16) * 8, ceil(W / 16) * 8).

        The loss on them costs less time than on pixels that lie side by side.
        """
        height, width = images.shape[-2:]
        inputs = functional.pad((images - MEAN) / STD, (0, -width % STRIDE, 0, -height % STRIDE), mode="replicate")
        levels = [self.stem(functional.pixel_unshuffle(inputs, 2))]
        for block in self.down:
            levels.append(block(functional.avg_pool2d(levels[-1], 2)))
        x = levels.pop()
        for block, skip in zip(self.up, reversed(levels), strict=True):
            x = functional.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
            x = block(torch.cat([skip, x], dim=1))
        return self.head(x).unflatten(1, (self.classes, 4))

    @torch.no_grad()
    def segment(self, images: torch.Tensor) -> torch.Tensor:
        """The likeliest class of every pixel: uint8 (B, H, W)."""
        return self(images).argmax(dim=1).to(torch.uint8)


def _double(channels_in: int, channels_out: int) -> nn.Sequential:
    return nn.Sequential(_conv(channels_in, channels_out), _conv(channels_out, channels_out))


def _conv(channels_in: int, channels_out: int) -> nn.Sequential:
    conv = nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=False)
    return nn.Sequential(conv, nn.GroupNorm(GROUPS, channels_out), nn.SiLU(inplace=True))
