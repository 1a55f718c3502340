"""DeepFill as an `ImageInpainter`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from maskreel.common.weights import short_identity
from maskreel.inpaint._device import network_device
from maskreel.inpaint.deepfill.checkpoint import load_deepfill
from maskreel.inpaint.painting.hole_crop import paint_around_hole

if TYPE_CHECKING:
    import os

    import numpy as np

    from maskreel.inpaint._device import Device

__all__ = ["DeepFillInpainter"]


class DeepFillInpainter:
    """Paints holes with DeepFill v1 (Yu et al., CVPR 2018). An `ImageInpainter`; deterministic on the CPU.

    Args:
        weights: the published file, imagenet_deepfill.pth, of Deep Flow-Guided Video Inpainting.
        device: where the network works; auto is CUDA where there is a device, else the CPU.
        max_side: pixels that the longer side of what the network sees has at most, 32 or more. Memory for attention
            grows with its fourth power: 200 MB for 512 x 512, 3.2 GB for 1024 x 1024.

    Raises:
        InputError: the weights are not there, broken, or of another network; or cuda is asked for, and there is none.
    """

    def __init__(
        self,
        weights: str | os.PathLike[str],
        *,
        device: Device | torch.device = "auto",
        max_side: int = 512,
    ) -> None:
        if max_side < 32:
            raise ValueError(f"max_side must be 32 or more, got {max_side}")
        path = Path(weights)
        self.device = network_device(device)
        self.max_side = max_side
        # Channels last saves time on a CPU.
        network = load_deepfill(path).to(self.device)
        self._network = network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self._source = short_identity(path)

    def __call__(self, image: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """Paint the hole of uint8 (H, W, 3) RGB where bool (H, W) is True; see `ImageInpainter`."""
        return paint_around_hole(image, mask, self._paint, max_side=self.max_side)

    def __repr__(self) -> str:
        return f"DeepFillInpainter(weights={self._source!r}, max_side={self.max_side})"

    @torch.inference_mode()
    def _paint(self, image: np.ndarray, mask: np.ndarray) -> np.ndarray:
        picture = torch.from_numpy(image[..., ::-1].copy()).to(self.device).permute(2, 0, 1)[None]  # as BGR
        hole = torch.from_numpy(mask).to(self.device).float()[None, None]
        painted = self._network(picture / 127.5 - 1, hole)[0].flip(0).permute(1, 2, 0)
        return ((painted + 1) * 127.5).round().byte().cpu().numpy()
