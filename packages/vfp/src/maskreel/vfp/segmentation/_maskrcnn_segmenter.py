"""Label maps from a Mask R-CNN."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import torch

from maskreel.common.maskrcnn import detections_to_labels
from maskreel.vfp.occupancy import Occupancy
from maskreel.vfp.segmentation._protocol import batches
from maskreel.vfp.segmentation._quick import quickened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from maskreel.common.maskrcnn import Detections, MaskRCNN

__all__ = ["MaskRCNNSegmenter", "Painting", "occupancy_of"]


@dataclass(frozen=True)
class Painting:
    """How detections become a label map; of several detections of a class the one with the highest score counts."""

    min_score: float = 0.5
    """Detections with a lower score are left out."""
    share: float | None = None
    """None: masks are painted whole, the one with the highest score in front. A number: every pixel takes the class for
    which score times mask probability is highest, if that is this much or more."""

    def __post_init__(self) -> None:
        if not 0 <= self.min_score <= 1:
            raise ValueError(f"min_score must be in [0, 1], got {self.min_score}")
        if self.share is not None and not 0 < self.share <= 1:
            raise ValueError(f"share must be in (0, 1], got {self.share}")

    def labels(self, found: Detections) -> torch.Tensor:
        """The label map, uint8 (H, W); with a share, `found` must have the probabilities of its masks."""
        if self.share is None:
            return detections_to_labels(found, min_score=self.min_score)
        return occupancy_of(found.above(self.min_score)).above(self.share)


class MaskRCNNSegmenter:
    """A `Segmenter` around any Mask R-CNN whose classes are those of the data set.

    Args:
        model: Of torchvision or detectron2; colours and normalisation are its affair.
        painting: How its detections become a label map.
        batch: Frames that go through the network at a time.
        quick: Work with a copy of a torchvision network that is prepared for speed; see `quickened`.
    """

    def __init__(
        self, model: MaskRCNN, painting: Painting | None = None, *, batch: int = 11, quick: bool = True
    ) -> None:
        if batch < 1:
            raise ValueError(f"batch must be 1 or more, got {batch}")
        self.painting = Painting() if painting is None else painting
        self.model = quickened(model, min_score=self.painting.min_score) if quick else model
        self.batch = batch

    def __call__(self, frames: torch.Tensor) -> torch.Tensor:
        maps = [self.painting.labels(found) for found in self.detections(frames)]
        return torch.stack(maps) if maps else frames.new_zeros(0, *frames.shape[-2:])

    def to(self, device: torch.device | str) -> Self:
        """Let the network work there from now on; label maps come back to the CPU."""
        self.model.to(device)
        return self

    def occupancy(self, frame: torch.Tensor) -> Occupancy:
        """How probable each class is in every pixel of one frame, uint8 (3, H, W)."""
        found = next(self.detections(frame[None], probabilities=True))
        return occupancy_of(found.above(self.painting.min_score))

    def detections(self, frames: torch.Tensor, *, probabilities: bool | None = None) -> Iterator[Detections]:
        """What the network finds in frames, uint8 (T, 3, H, W), one after the other, on the CPU.

        Args:
            frames: Of any number and size.
            probabilities: Give those of the masks' pixels, too; None: if the painting needs them.
        """
        device = next(self.model.parameters()).device
        soft = self.painting.share is not None if probabilities is None else probabilities
        for images in batches(frames, self.batch):
            stored = images.to(device).contiguous(memory_format=torch.channels_last)
            for found in self.model.detect(stored, probabilities=soft):
                yield found.to("cpu")


def occupancy_of(found: Detections) -> Occupancy:
    """Detections with the probabilities of their masks as those of classes: score times mask probability.

    Where masks overlap so much that more than 1 comes together, all of them are scaled down.
    """
    if found.probabilities is None:
        raise ValueError("found must have the probabilities of its masks: detect(images, probabilities=True)")
    best: dict[int, int] = {}
    for place in found.scores.argsort(descending=True, stable=True).tolist():
        best.setdefault(int(found.labels[place]), place)
    places = list(best.values())
    shares = found.scores[places, None, None] * found.probabilities[places]
    return Occupancy(tuple(best), shares / shares.sum(0).clamp(min=1))
