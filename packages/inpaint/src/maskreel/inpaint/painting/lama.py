"""LaMa (Suvorov et al., WACV 2022), a network that paints large holes, from a TorchScript file that the user has."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from maskreel.common.errors import InputError
from maskreel.common.weights import load_script, short_identity
from maskreel.inpaint._device import network_device
from maskreel.inpaint.painting.hole_crop import paint_around_hole

if TYPE_CHECKING:
    import os

    import numpy as np

    from maskreel.inpaint._device import Device

__all__ = ["LaMaInpainter"]


class LaMaInpainter:
    """Paints holes with LaMa. An `ImageInpainter`; deterministic on the CPU.

    The file is the one that circulates as big-lama.pt: (image float (1, 3, H, W), RGB from 0 to 1; mask float
    (1, 1, H, W), 1 in the hole) -> float (1, 3, H, W), from 0 to 1; H and W multiples of 8. It is a program, not just
    numbers; `maskreel.common.weights.load_script` tells what that means.

    Args:
        path: the TorchScript file.
        device: where the network works; auto is CUDA where there is a device, else the CPU.
        max_side: pixels that the longer side of what the network sees has at most, 32 or more. Time and memory grow
            with its square.

    Raises:
        InputError: the file is not there, broken, not TorchScript, or not of a network like LaMa; or cuda is asked for,
            and there is none.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        device: Device | torch.device = "auto",
        max_side: int = 512,
    ) -> None:
        if max_side < 32:
            raise ValueError(f"max_side must be 32 or more, got {max_side}")
        path = Path(path)
        self.device = network_device(device)
        self.max_side = max_side
        self._network = load_script(path, device=self.device)
        self._source = short_identity(path)
        self._try_out(path)

    def __call__(self, image: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """Paint the hole of uint8 (H, W, 3) RGB where bool (H, W) is True; see `ImageInpainter`."""
        return paint_around_hole(image, mask, self._paint, max_side=self.max_side)

    def __repr__(self) -> str:
        return f"LaMaInpainter({self._source!r}, max_side={self.max_side})"

    @torch.inference_mode()
    def _paint(self, image: np.ndarray, mask: np.ndarray) -> np.ndarray:
        picture = torch.from_numpy(image).to(self.device).permute(2, 0, 1)[None].float() / 255
        hole = torch.from_numpy(mask).to(self.device).float()[None, None]
        painted = self._network(picture, hole)[0].clamp(0, 1).permute(1, 2, 0)
        return (painted * 255).round().byte().cpu().numpy()

    @torch.inference_mode()
    def _try_out(self, path: Path) -> None:
        """A small picture through the network, so that a file of another kind is refused before hours of work."""
        size = (64, 72)
        picture, hole = (torch.zeros(1, channels, *size, device=self.device) for channels in (3, 1))
        try:
            answer = self._network(picture, hole)
        except (RuntimeError, TypeError) as error:  # a script tells wrong arguments in either way
            raise InputError(f"{path} is TorchScript, but not of LaMa: it does not take an image and a mask") from error
        if not isinstance(answer, torch.Tensor) or answer.shape != picture.shape or not answer.is_floating_point():
            raise InputError(f"{path} is TorchScript, but not of LaMa: it does not answer with a picture")
