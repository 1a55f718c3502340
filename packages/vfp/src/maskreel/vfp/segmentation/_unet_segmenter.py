"""Label maps from a U-Net."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import torch

from maskreel.vfp.segmentation._protocol import batches

if TYPE_CHECKING:
    from maskreel.common.unet import UNet

__all__ = ["UNetSegmenter"]


class UNetSegmenter:
    """A `Segmenter` that takes the likeliest class of every pixel.

    Args:
        network: In evaluation mode, for the classes of the data set.
        batch: Frames that go through the network at a time.
    """

    def __init__(self, network: UNet, *, batch: int = 11) -> None:
        if batch < 1:
            raise ValueError(f"batch must be 1 or more, got {batch}")
        self.network = network
        self.batch = batch

    def to(self, device: torch.device | str) -> Self:
        """Let the network work there from now on; label maps come back to the CPU."""
        self.network.to(device)
        return self

    def __call__(self, frames: torch.Tensor) -> torch.Tensor:
        device = next(self.network.parameters()).device
        maps = [self.network.segment(images.to(device)).cpu() for images in batches(frames, self.batch)]
        return torch.cat(maps) if maps else frames.new_zeros(0, *frames.shape[-2:])
