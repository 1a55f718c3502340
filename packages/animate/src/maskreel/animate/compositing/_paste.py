"""The networks' pictures put back into the frame of the source, where no new background is wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

from maskreel.animate.model import SWAP_THRESHOLD

if TYPE_CHECKING:
    from torch import Tensor

    from maskreel.animate.framing import Framing

__all__ = ["Paste"]

_WIDENED = 2
"""Pixels of a mask by which the region that may change is wider than the subject."""


class Paste:
    """Pictures over the source's frame: inside the square only, with soft edges.

    With `lock_background`, only where the source's subject was or now is, a little widened; all other pixels are the
    source's own.

    Args:
        framing: the square of the source.
        source: uint8 (3, H, W).
        source_mask: float (1, 1, s, s).
        lock_background: see above.
    """

    def __init__(self, framing: Framing, source: Tensor, source_mask: Tensor, *, lock_background: bool) -> None:
        self._framing, self._lock_background, self._source_mask = framing, lock_background, source_mask
        self._frame = source[None].to(source_mask.device).float()
        self._coverage = framing.coverage().to(source_mask.device)

    def __call__(self, pictures: Tensor, masks: Tensor, start: int = 0) -> Tensor:
        """Pictures (N, 3, S, S) and masks (N, 1, s, s) of the subject in them to uint8 (N, 3, H, W)."""
        share = self._coverage
        if self._lock_background:
            share = share * self._framing.place(self._changing(masks, pictures.shape[-1]))
        placed = 255 * self._framing.place(pictures)
        return (self._frame + share * (placed - self._frame)).round().clamp(0, 255).to(torch.uint8)

    def _changing(self, masks: Tensor, pixels: int) -> Tensor:
        """1 where the picture may differ from the source, 0 outside, soft between: (N, 1, S, S)."""
        subjects = (torch.maximum(masks, self._source_mask) > SWAP_THRESHOLD).float()
        wide = F.max_pool2d(subjects, 2 * _WIDENED + 1, stride=1, padding=_WIDENED)
        return F.interpolate(wide, size=(pixels, pixels), mode="bilinear", align_corners=False)
