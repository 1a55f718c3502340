"""Scale, shift and ReLU before a convolution as one clamp, the rest of it folded into the convolution."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["Rectifier"]


class Rectifier(nn.Module):
    """`relu(scale * x + shift)`, padded with zeros, up to a factor and an offset for each channel.

    With c = -shift / scale it is `scale * (max(x, c) - c)`, or with min where scale is negative. So the features are
    clamped, padded with c, and a convolution that follows takes the factor into its weights and the offset into its
    bias: see `absorbed`. One pass over memory in place of four. Where scale is 0 the clamp is to 1 and the padding 0.
    """

    low: Tensor
    high: Tensor
    limit: Tensor

    def __init__(self, scale: Tensor, shift: Tensor, *, margin: int = 1) -> None:
        super().__init__()
        self._margin = margin
        still = scale == 0
        limit = torch.where(still, 0, -shift / torch.where(still, 1, scale))
        infinite = torch.full_like(limit, torch.inf)
        low = torch.where(scale > 0, limit, torch.where(still, 1, -infinite))
        high = torch.where(scale < 0, limit, torch.where(still, 1, infinite))
        self._factor, self._limit = torch.where(still, shift.relu(), scale), limit.float().double()
        for name, values in (("low", low), ("high", high), ("limit", limit)):
            self.register_buffer(name, values.float()[:, None, None])

    def absorbed(self, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        """Weight and bias, float64, of the convolution that follows, with what the clamp leaves out."""
        weight = weight * self._factor[:, None, None]
        return weight, bias - torch.einsum("dckl,c->d", weight, self._limit)

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C, H + 2 margin, W + 2 margin), channels last."""
        count, channels, height, width = features.shape
        margin, shape = self._margin, (height + 2 * self._margin, width + 2 * self._margin)
        padded = features.new_empty(count, *shape, channels).permute(0, 3, 1, 2)
        for edge in (
            padded[:, :, :margin],
            padded[:, :, -margin:],
            padded[..., :margin],
            padded[..., -margin:],
        ):
            edge.copy_(self.limit.expand_as(edge))
        torch.clamp(features, self.low, self.high, out=padded[:, :, margin:-margin, margin:-margin])
        return padded
