"""m: the soft mask of the moving subject in one image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from maskreel.animate.networks._hourglass import Hourglass
from maskreel.common.perceptual import SmoothShrink

if TYPE_CHECKING:
    from maskreel.animate.model_config import MaskBorder

__all__ = ["TEMPERATURE", "MaskGenerator"]

TEMPERATURE = 0.1
"""Mask logits are divided by it before the sigmoid, which makes masks nearly binary."""

_KERNEL = 7


class MaskGenerator(nn.Module):
    """An image, smoothed and made `factor` times smaller, through an hourglass (published without skips) to a mask.

    The last convolution is not padded, so that the mask lacks 3 pixels at each border; `border` tells what they get.
    It may be changed at any time.
    """

    def __init__(
        self,
        *,
        width: int = 32,
        widest: int = 1024,
        depth: int = 5,
        factor: int = 4,
        border: MaskBorder = "zero",
        skips: bool = False,
    ) -> None:
        super().__init__()
        self.shrink = SmoothShrink(factor)
        self.hourglass = Hourglass(3, width, depth=depth, widest=widest, skips=skips)
        self.head = nn.Conv2d(self.hourglass.out_channels, 1, _KERNEL)
        self.border: MaskBorder = border

    def forward(self, images: Tensor) -> Tensor:
        """float (N, 3, H, W) in [0, 1] to (N, 1, H / factor, W / factor) in [0, 1]."""
        inner = torch.sigmoid(self.head(self.hourglass(self.shrink(images))) / TEMPERATURE)
        margins = (_KERNEL // 2,) * 4
        return F.pad(inner, margins) if self.border == "zero" else F.pad(inner, margins, mode="replicate")
