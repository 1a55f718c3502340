"""The networks' layers as the authors' repositories write them, to compare with."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from maskreel.animate.networks._blocks import UpBlock

if TYPE_CHECKING:
    from maskreel.animate.model import AnimationModel


class SquareShrink(nn.Module):
    """A square Gaussian kernel over every pixel, of which most are dropped then."""

    kernel: Tensor

    def __init__(self, factor: int) -> None:
        super().__init__()
        sigma = (factor - 1) / 2
        side = 2 * round(4 * sigma) + 1
        places = torch.arange(side) - (side - 1) / 2
        kernel = (
            torch.exp(-(places[:, None] ** 2 + places[None, :] ** 2) / (2 * sigma**2)) if sigma else torch.ones(1, 1)
        )
        self.register_buffer("kernel", (kernel / kernel.sum()).expand(3, 1, side, side).contiguous())
        self.factor = factor

    def forward(self, images: Tensor) -> Tensor:
        if self.factor == 1:
            return images
        pad = self.kernel.shape[-1] // 2
        return F.conv2d(F.pad(images, (pad,) * 4), self.kernel, groups=3)[:, :, :: self.factor, :: self.factor]


def as_published(model: AnimationModel) -> AnimationModel:
    """A copy that up-samples before it convolves and blurs with a square kernel, as published."""
    model = copy.deepcopy(model)
    for module in list(model.modules()):
        for name, block in module.named_children():
            if isinstance(block, UpBlock):
                setattr(module, name, nn.Sequential(nn.Upsample(scale_factor=2.0, mode="nearest"), block[1]))
    shrink = SquareShrink(model.config.factor).to(next(model.parameters()).device)
    model.mask_generator.shrink = shrink  # pyright: ignore[reportAttributeAccessIssue]
    return model
