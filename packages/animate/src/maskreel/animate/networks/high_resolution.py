"""H, and BGRefine, which differs in its input only: a picture in full size, made better with the source at hand."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from maskreel.animate.networks._hourglass import Hourglass

__all__ = ["HighResolution"]


class HighResolution(nn.Module):
    """An hourglass with skips: (N, channels, H, W), joined in channels, to (N, 3, H, W) in [0, 1].

    Args:
        channels: of the input: 8 for H (source 3, its mask 1, L's picture 3, driving mask 1), 11 for BGRefine
            (BGBase's picture, two masks, two pictures).
        width: of the hourglass.
        widest: limit of its widths.
        depth: its halvings; height and width must be multiples of 2**depth.
    """

    def __init__(self, channels: int, *, width: int = 64, widest: int = 1024, depth: int = 5) -> None:
        super().__init__()
        self.hourglass = Hourglass(channels, width, depth=depth, widest=widest, skips=True)
        self.channels = channels
        self.head = nn.Conv2d(self.hourglass.out_channels, 3, 7, padding=3)

    def forward(self, *parts: Tensor) -> Tensor:
        """The parts of the input in their order."""
        return torch.sigmoid(self.head(self.hourglass(torch.cat(parts, dim=1))))
