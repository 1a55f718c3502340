"""What a saved segmenter is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from maskreel.vfp.segmentation._maskrcnn_segmenter import Painting

__all__ = ["FrameKind", "SegmenterConfig"]

FrameKind = Literal["observed", "predicted"]
"""Frames of a camera, or frames that a predictor has made, which are blurred."""


@dataclass(frozen=True)
class SegmenterConfig:
    """Network, normalisation and how its detections are painted."""

    network: Literal["shapes", "resnet50", "unet"] = "shapes"
    """The small Mask R-CNN of maskreel.common, torchvision's Mask R-CNN with ResNet-50 and FPN, or the small U-Net."""
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    """Of the red, green and blue values of the data, in [0, 1] (resnet50 only; the others have their own)."""
    std: tuple[float, float, float] = (0.2, 0.2, 0.2)
    """Of the red, green and blue values of the data (resnet50 only)."""
    short_side: int = 160
    """Pixels of the shorter side of the frames in the network (resnet50 only; the others take frames as they are)."""
    observed_score: float = 0.5
    """Detections in observed frames need this score (not for unet)."""
    predicted_score: float = 0.5
    """Detections in predicted frames need this score (not for unet)."""
    predicted_share: float | None = None
    """In predicted frames, pixels need this share of score times mask probability; see `Painting`."""

    def __post_init__(self) -> None:
        if min(self.std) <= 0:
            raise ValueError(f"std must be above 0, got {self.std}")
        if self.short_side < 32:
            raise ValueError(f"short_side must be 32 or more, got {self.short_side}")
        for kind in ("observed", "predicted"):
            self.painting(kind)

    def painting(self, frames: FrameKind) -> Painting:
        """How detections in such frames become label maps."""
        if frames == "observed":
            return Painting(self.observed_score)
        return Painting(self.predicted_score, self.predicted_share)
