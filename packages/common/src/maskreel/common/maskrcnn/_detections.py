"""What a detector found in one image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Detections:
    """N objects in one image (H, W), best score first where a detector made them."""

    boxes: torch.Tensor
    """float32 (N, 4): half-open x0, y0, x1, y1 in pixels."""
    labels: torch.Tensor
    """int64 (N,): positions in the `class_names` of the detector; 0, the background, does not occur."""
    scores: torch.Tensor
    """float32 (N,), in [0, 1]."""
    masks: torch.Tensor
    """bool (N, H, W)."""
    probabilities: torch.Tensor | None = None
    """float32 (N, H, W) if `detect` was asked for them: how probably a pixel belongs to the object, if it is one."""

    def __post_init__(self) -> None:
        dtypes = {"boxes": torch.float32, "labels": torch.int64, "scores": torch.float32, "masks": torch.bool}
        for name, dtype in dtypes.items():
            if getattr(self, name).dtype != dtype:
                raise TypeError(f"{name} must be {dtype}, got {getattr(self, name).dtype}")
        count = len(self.labels)
        shapes = [tuple(getattr(self, name).shape) for name in dtypes]
        if shapes != [(count, 4), (count,), (count,), (count, *self.masks.shape[-2:])]:
            raise ValueError(f"{', '.join(dtypes)} must have shapes (N, 4), (N,), (N,), (N, H, W), got {shapes}")
        soft = self.probabilities
        if soft is not None and (soft.dtype != torch.float32 or soft.shape != self.masks.shape):
            raise ValueError(
                f"probabilities must be float32 of the shape of masks, {tuple(self.masks.shape)}, "
                f"got {soft.dtype} of {tuple(soft.shape)}"
            )

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: torch.Tensor | slice) -> Detections:
        """Some of them: a slice, a bool tensor (N,), or positions, int64 (M,)."""
        return self._each(lambda part: part[index])

    def above(self, score: float) -> Detections:
        """Those with this score or more."""
        return self[self.scores >= score]

    def to(self, device: torch.device | str) -> Detections:
        return self._each(lambda part: part.to(device))

    def _each(self, change: Callable[[torch.Tensor], torch.Tensor]) -> Detections:
        parts = (self.boxes, self.labels, self.scores, self.masks)
        soft = None if self.probabilities is None else change(self.probabilities)
        return Detections(*map(change, parts), probabilities=soft)
