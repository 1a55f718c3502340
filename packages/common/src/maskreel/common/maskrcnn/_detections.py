"""What a detector found in one image."""

from __future__ import annotations

from dataclasses import dataclass

import torch


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

    def __post_init__(self) -> None:
        dtypes = {"boxes": torch.float32, "labels": torch.int64, "scores": torch.float32, "masks": torch.bool}
        for name, dtype in dtypes.items():
            if getattr(self, name).dtype != dtype:
                raise TypeError(f"{name} must be {dtype}, got {getattr(self, name).dtype}")
        count = len(self.labels)
        shapes = [tuple(getattr(self, name).shape) for name in dtypes]
        if shapes != [(count, 4), (count,), (count,), (count, *self.masks.shape[-2:])]:
            raise ValueError(f"{', '.join(dtypes)} must have shapes (N, 4), (N,), (N,), (N, H, W), got {shapes}")

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: torch.Tensor | slice) -> Detections:
        """Some of them: a slice, a bool tensor (N,), or positions, int64 (M,)."""
        return Detections(self.boxes[index], self.labels[index], self.scores[index], self.masks[index])

    def above(self, score: float) -> Detections:
        """Those with this score or more."""
        return self[self.scores >= score]

    def to(self, device: torch.device | str) -> Detections:
        return Detections(*(part.to(device) for part in (self.boxes, self.labels, self.scores, self.masks)))
