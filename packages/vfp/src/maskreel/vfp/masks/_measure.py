"""How well masks are forecast, and which threshold suits a forecaster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maskreel.common.metrics import MeanIoU
from maskreel.vfp.timeline import CLASSES, OBSERVED, TARGET

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import torch

    from maskreel.vfp.occupancy import Occupancy

__all__ = ["THRESHOLDS", "best_threshold", "forecast_quality"]

THRESHOLDS = tuple(step / 40 for step in range(8, 25))
"""0.2 to 0.6"""


def best_threshold(
    forecast: Callable[[torch.Tensor], Occupancy],
    clips: Iterable[torch.Tensor],
    *,
    thresholds: Sequence[float] = THRESHOLDS,
) -> float:
    """The threshold of `Occupancy.above` with the highest pooled IoU of frame 21; take clips of the training set.

    Args:
        forecast: From observed label maps, uint8 (11, H, W).
        clips: Label maps, uint8 (22, H, W).
        thresholds: To choose from; the first of several that are equally good is taken.
    """
    if not thresholds:
        raise ValueError("thresholds must hold at least one number")
    found = {threshold: MeanIoU(CLASSES) for threshold in thresholds}
    for labels in clips:
        occupancy = forecast(labels[:OBSERVED])
        for threshold, metric in found.items():
            metric.update(occupancy.above(threshold), labels[TARGET])
    return max(found, key=lambda threshold: found[threshold].compute())


def forecast_quality(
    forecast: Callable[[torch.Tensor], Occupancy],
    clips: Iterable[tuple[torch.Tensor, torch.Tensor]],
    *,
    threshold: float | None,
    progress: Callable[[int], object] | None = None,
) -> dict[str, float]:
    """Pooled IoU of frame 21: "iou" with the threshold, "likeliest" without, "copy_last" of the last observed labels.

    Args:
        forecast: From observed label maps, uint8 (11, H, W).
        clips: The observed label maps, true or from a segmenter, and the true ones of frame 21, uint8 (H, W).
        threshold: See `Occupancy.above`.
        progress: Called with 1 after every clip.
    """
    found = {key: MeanIoU(CLASSES) for key in ("iou", "likeliest", "copy_last")}
    for observed, truth in clips:
        occupancy = forecast(observed)
        found["iou"].update(occupancy.above(threshold), truth)
        found["likeliest"].update(occupancy.likeliest(), truth)
        found["copy_last"].update(observed[-1], truth)
        if progress is not None:
            progress(1)
    return {key: metric.compute() for key, metric in found.items()}
