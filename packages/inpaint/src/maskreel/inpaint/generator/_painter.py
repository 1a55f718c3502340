"""The small network as a painter of images of any size."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch

from maskreel.common.weights import short_identity
from maskreel.inpaint._device import network_device
from maskreel.inpaint.generator._network import STRIDE
from maskreel.inpaint.generator._samples import first_guess, network_input
from maskreel.inpaint.generator._saved import SMALL, load_generator
from maskreel.inpaint.painting.hole_crop import paint_around_hole
from maskreel.inpaint.painting.hole_fill import halved

if TYPE_CHECKING:
    import os

    from maskreel.inpaint._device import Device

__all__ = ["SmallInpainter"]

# The network was trained from a classical fill on holes up to this size. A larger hole is painted at half the size
# first, which is then what the network refines.
_LARGEST_HOLE = 84


class SmallInpainter:
    """Paints holes with the small network; an `ImageInpainter`. Deterministic; 512 px around a hole at most.

    Args:
        weights: What `maskreel inpaint train-fill` wrote (.safetensors); None: those that come with the package.
        device: Where the network works; auto is CUDA where there is a device, else the CPU.
        max_side: The most pixels at a side of the picture that the network sees; what is larger is painted smaller.

    Raises:
        InputError: The weights are missing, broken or of another network, or there is no such device.
    """

    def __init__(
        self,
        weights: str | os.PathLike[str] | None = None,
        *,
        device: Device | torch.device = "auto",
        max_side: int = 512,
    ) -> None:
        path = SMALL if weights is None else Path(weights)
        self._device = network_device(device)
        self._network = load_generator(weights).to(self._device)
        self._max_side = max_side
        self._told = f"SmallInpainter({short_identity(path)}, max_side={max_side})"

    def __call__(self, image: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """Paint the hole of uint8 (H, W, 3) RGB where bool (H, W) is True; see `ImageInpainter`."""
        return paint_around_hole(image, mask, self._paint, max_side=self._max_side)

    def __repr__(self) -> str:
        return self._told

    def _paint(self, picture: np.ndarray, hole: np.ndarray) -> np.ndarray:
        if not hole.any():
            return picture
        small, small_hole = halved(picture, hole)
        if max(cv2.boundingRect(hole.view(np.uint8))[2:]) <= _LARGEST_HOLE or small_hole.all():
            return self._corrected(first_guess(picture, hole), hole, refine=False)
        painted = cv2.resize(self._paint(small, small_hole), hole.shape[::-1], interpolation=cv2.INTER_LINEAR)
        return self._corrected(np.where(hole[..., None], painted, picture), hole, refine=True)

    @torch.inference_mode()
    def _corrected(self, guess: np.ndarray, hole: np.ndarray, *, refine: bool) -> np.ndarray:
        height, width = hole.shape
        below, beside = -height % STRIDE, -width % STRIDE
        padded = cv2.copyMakeBorder(guess, 0, below, 0, beside, cv2.BORDER_REPLICATE)
        hidden = cv2.copyMakeBorder(hole.view(np.uint8), 0, below, 0, beside, cv2.BORDER_REPLICATE).view(np.bool_)
        answer = self._network(network_input(padded, hidden, refine=refine)[None].to(self._device))[0]
        painted = (answer.clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).cpu().numpy()
        return np.where(hole[..., None], painted[:height, :width], guess)
