"""r: the mask that a perturbed driving mask stands for, told from the subject of the source."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from maskreel.animate.networks._hourglass import Hourglass
from maskreel.animate.networks.mask_generator import TEMPERATURE

__all__ = ["MaskRefiner"]


class MaskRefiner(nn.Module):
    """The small source, its mask and a perturbed mask, through an hourglass (published without skips), to a mask."""

    def __init__(self, *, width: int = 64, widest: int = 1024, depth: int = 5, skips: bool = False) -> None:
        super().__init__()
        self.hourglass = Hourglass(5, width, depth=depth, widest=widest, skips=skips)
        self.head = nn.Conv2d(self.hourglass.out_channels, 1, 7, padding=3)

    def forward(self, source: Tensor, source_mask: Tensor, perturbed: Tensor) -> Tensor:
        """(N, 3, h, w) and twice (N, 1, h, w) to (N, 1, h, w), all in [0, 1]."""
        features = self.hourglass(torch.cat([source, source_mask, perturbed], dim=1))
        return torch.sigmoid(self.head(features) / TEMPERATURE)
