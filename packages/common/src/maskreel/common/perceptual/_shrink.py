"""Making pictures smaller without aliasing, as the first-order motion model does."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["SmoothShrink"]


class SmoothShrink(nn.Module):
    """Every `factor`-th pixel of a picture blurred by sigma (factor - 1) / 2, zeros around it.

    The Gaussian reaches 4 sigma, rounded, to each side: 5, 13 and 29 pixels wide for factors 2, 4 and 8. Published code
    blurs every pixel with a square kernel and then drops most of them; this gives the same numbers (up to rounding).
    """

    line: Tensor

    def __init__(self, factor: int) -> None:
        super().__init__()
        if factor < 1:
            raise ValueError(f"factor must be 1 or more, got {factor}")
        sigma = (factor - 1) / 2
        radius = round(4 * sigma)
        places = torch.arange(-radius, radius + 1, dtype=torch.float32)
        line = torch.exp(-(places**2) / (2 * sigma**2)) if sigma else torch.ones(1)
        self.register_buffer("line", line / line.sum(), persistent=False)
        self.factor = factor

    def forward(self, images: Tensor) -> Tensor:
        """float (N, C, H, W) to (N, C, ceil(H / factor), ceil(W / factor))."""
        if self.factor == 1:
            return images
        channels, line = images.shape[1], self.line.to(images.dtype)
        radius, factor = len(line) // 2, self.factor
        across = line.expand(channels, 1, 1, -1)
        rows = F.conv2d(images, across, stride=(1, factor), padding=(0, radius), groups=channels)
        return F.conv2d(rows, across.transpose(-1, -2), stride=(factor, 1), padding=(radius, 0), groups=channels)
