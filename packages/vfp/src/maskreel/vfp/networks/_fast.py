"""The same results in less time on CPUs; everywhere else these functions change nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import torch
from torch import nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Callable

R = TypeVar("R")

CHUNK_ELEMENTS = 2_500_000
"""10 MB in single precision: more leaves the caches, and is mapped and cleared anew by the system for every layer."""


def in_chunks(layers: Callable[..., R], *inputs: torch.Tensor, elements: int) -> list[R]:
    """The answers of layers that treat every image by itself, to a few images at a time.

    Args:
        layers: Called with images of each input.
        inputs: Images (N, C, H, W), of one N.
        elements: Numbers in the largest result for one image.
    """
    if not _eager_on_cpu(inputs[0]):
        return [layers(*inputs)]
    # Forwards, neighbouring channels side by side are faster; the weights' gradients take longer so (oneDNN, AVX2).
    layout = torch.contiguous_format if torch.is_grad_enabled() else torch.channels_last
    count = max(CHUNK_ELEMENTS // elements, 1)
    chunks = zip(*(each.split(count) for each in inputs), strict=True)
    return [layers(*(part.contiguous(memory_format=layout) for part in chunk)) for chunk in chunks]


def channels_together(x: torch.Tensor) -> torch.Tensor:
    """The images (N, C, H, W) with the channels of a pixel side by side, for layers that are faster so."""
    return x.contiguous(memory_format=torch.channels_last) if _eager_on_cpu(x) else x


class PointwiseConv(nn.Conv2d):
    """A 1x1 convolution with bias, for images with the channels side by side."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(channels_in, channels_out, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        if not (_eager_on_cpu(x) and torch.is_grad_enabled()):
            return super().forward(x)
        # The gradients of a product of matrices take less time than those of a convolution.
        return functional.linear(x.permute(0, 2, 3, 1), self.weight.flatten(1), self.bias).permute(0, 3, 1, 2)


def dilated_depthwise(convolution: nn.Conv2d, x: torch.Tensor) -> torch.Tensor:
    """What the module gives, a depth-wise convolution with stride 1, odd kernel and "same" padding.

    oneDNN has no fast kernel for dilation, least of all backwards. Every dilation-th row and column therefore is an
    image of its own, which a dense kernel convolves. The results are the same.
    """
    if not _eager_on_cpu(x):
        return convolution(x)
    (height, width), step, bias = x.shape[-2:], convolution.dilation[0], convolution.bias
    phases = functional.pixel_unshuffle(functional.pad(x, (0, -width % step, 0, -height % step)), step)
    phases = functional.conv2d(
        phases,
        convolution.weight.repeat_interleave(step**2, dim=0),
        None if bias is None else bias.repeat_interleave(step**2),
        padding=convolution.kernel_size[0] // 2,
        groups=convolution.groups * step**2,
    )
    return functional.pixel_shuffle(phases, step)[..., :height, :width]


def _eager_on_cpu(x: torch.Tensor) -> bool:
    # An exported or compiled graph should hold the plain layers, for whatever runs it.
    return x.is_cpu and not torch.compiler.is_compiling()
