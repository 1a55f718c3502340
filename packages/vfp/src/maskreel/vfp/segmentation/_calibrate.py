"""Which detections to believe in blurred frames: the setting with the highest IoU on labelled clips."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from maskreel.common.metrics import MeanIoU
from maskreel.vfp.segmentation._maskrcnn_segmenter import MaskRCNNSegmenter, Painting
from maskreel.vfp.segmentation._task import as_tensor
from maskreel.vfp.timeline import CLASSES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from maskreel.common.datasets import Pixels
    from maskreel.common.maskrcnn import MaskRCNN

__all__ = ["PAINTINGS", "PaintingScore", "calibrate_painting"]

SCORES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
SHARES = (0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5)
PAINTINGS = (*(Painting(score) for score in SCORES), *(Painting(min(SCORES), share) for share in SHARES))
"""What is tried: masks painted whole from a score on, and pixel by pixel from a share on."""


@dataclass(frozen=True)
class PaintingScore:
    """How good a painting is."""

    painting: Painting
    iou: float
    """Pooled over all frames, mean over the classes that occur, background included."""


def calibrate_painting(
    model: MaskRCNN,
    clips: Sequence[tuple[Pixels, Pixels]],
    *,
    paintings: Sequence[Painting] = PAINTINGS,
    progress: Callable[[int], object] | None = None,
) -> list[PaintingScore]:
    """Score every painting on labelled clips, the best first; the network runs once over each frame.

    Args:
        model: In evaluation mode.
        clips: Frames uint8 (T, 3, H, W) with labels uint8 (T, H, W): others than those that quality is claimed on.
        paintings: What to try.
        progress: Called with 1 after every clip.
    """
    if not len(clips):
        raise ValueError("clips must hold at least one clip")
    if not paintings:
        raise ValueError("paintings must hold at least one painting")
    lowest = min(painting.min_score for painting in paintings)
    segmenter = MaskRCNNSegmenter(model, Painting(lowest, 1.0))
    metrics = [MeanIoU(CLASSES) for _ in paintings]
    for frames, labels in clips:
        for found, truth in zip(segmenter.detections(as_tensor(frames[:])), as_tensor(labels[:]), strict=True):
            for painting, metric in zip(paintings, metrics, strict=True):
                metric.update(painting.labels(found), truth)
        if progress is not None:
            progress(1)
    scored = [PaintingScore(painting, metric.compute()) for painting, metric in zip(paintings, metrics, strict=True)]
    return sorted(scored, key=lambda one: -one.iou)
