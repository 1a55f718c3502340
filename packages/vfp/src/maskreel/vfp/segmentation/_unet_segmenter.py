"""Label maps from a U-Net."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import torch

from maskreel.vfp.segmentation._protocol import batches

if TYPE_CHECKING:
    from collections.abc import Collection

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

    @torch.inference_mode()
    def __call__(self, frames: torch.Tensor, *, classes: Collection[int] | None = None) -> torch.Tensor:
        """Label maps; see `Segmenter`.

        Args:
            frames: uint8 (T, 3, H, W), RGB.
            classes: Those that there can be beside the background; None: all.
        """
        device = next(self.network.parameters()).device
        allowed = None if classes is None else torch.tensor(sorted({0, *classes}), device=device)
        maps = [self._labels(images.to(device), allowed) for images in batches(frames, self.batch)]
        return torch.cat(maps) if maps else frames.new_zeros(0, *frames.shape[-2:])

    def _labels(self, images: torch.Tensor, allowed: torch.Tensor | None) -> torch.Tensor:
        if allowed is None:
            return self.network.segment(images).cpu()
        return allowed[self.network(images)[:, allowed].argmax(1)].to(torch.uint8).cpu()
