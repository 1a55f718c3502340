"""Whether what should stand still does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from maskreel.animate.metrics._checks import check_masks, check_pictures, unit
from maskreel.animate.metrics._sums import Ratio
from maskreel.common.metrics import flicker

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Steadiness"]


class Steadiness:
    """How a background changes, in chunks; keeps two frames.

    `compute` gives `flicker`, the mean change from one frame to the next, and `drift`, the mean change since the first
    frame, which shows slow swimming that neighbouring frames hide. Both are mean absolute differences for values in
    [0, 1] over pixels that are looked at in both frames, averaged over frames; nan where there is no such pixel.
    """

    def __init__(self) -> None:
        self._flicker, self._drift = Ratio(), Ratio()
        self._first: tuple[Tensor, Tensor] | None = None
        self._last: tuple[Tensor, Tensor, Tensor] | None = None

    def update(self, frames: Tensor, still: Tensor, *, reference: Tensor | None = None) -> None:
        """Count frames, in the order of time.

        Args:
            frames: uint8 or float (N, 3, H, W).
            still: bool (N, H, W), the pixels to look at.
            reference: the background as it is, the same shape and dtype: its own change is no fault. None: it is still.
        """
        check_pictures(frames, "frames")
        check_masks(still, "still", frames)
        if not len(frames):
            return
        reference = torch.zeros_like(frames) if reference is None else reference
        check_pictures(reference, "reference", frames)
        self._add_drift(frames, still, reference)
        chunk = (frames, still, reference)
        if self._last is not None:
            chunk = tuple(torch.cat([old, new]) for old, new in zip(self._last, chunk, strict=True))
        self._flicker.add_values(flicker(chunk[0], chunk[1], reference=chunk[2]) / 255)
        self._last = (frames[-1:].clone(), still[-1:].clone(), reference[-1:].clone())

    def compute(self) -> dict[str, float]:
        """Both numbers."""
        return {"flicker": self._flicker.value, "drift": self._drift.value}

    def _add_drift(self, frames: Tensor, still: Tensor, reference: Tensor) -> None:
        offsets = unit(frames) - unit(reference)
        if self._first is None:
            self._first = (offsets[:1].clone(), still[:1].clone())
            offsets, still = offsets[1:], still[1:]
        first, seen = self._first
        where = still & seen
        change = (offsets - first).abs().sum(1).double().where(where, 0).sum((-2, -1))
        self._drift.add_values(change / (3 * where.sum((-2, -1))))
