"""How good predicted frames are, and how good forecasts without training are on the same clips."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import distributed

from maskreel.vfp.evaluation import FramePredictionMetric, copy_last_frame, extrapolate_frames
from maskreel.vfp.frames._frames import as_tensor
from maskreel.vfp.timeline import FRAMES, OBSERVED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from maskreel.vfp.evaluation import FramePredictionScore
    from maskreel.vfp.frames._frames import Frames

__all__ = ["BASELINES", "frame_quality"]

BASELINES: Mapping[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "copy_last": copy_last_frame,
    "linear": extrapolate_frames,
}
"""Forecasts of all future frames that need no training, by name."""


def frame_quality(
    predict: Callable[[torch.Tensor], torch.Tensor],
    clips: Sequence[Frames],
    *,
    first: int = OBSERVED,
    progress: Callable[[int], object] | None = None,
) -> FramePredictionScore:
    """Quality of predicted frames; under torch.distributed the ranks share the clips, and all must call this.

    Args:
        predict: Observed frames uint8 (1, 11, 3, H, W) to the frames up to 22, uint8 (1, n, 3, H, W).
        clips: Whole clips, uint8 (22, 3, H, W) each.
        first: The first frame, counted from 0, that is compared; what is predicted before it does not count.
        progress: Called with 1 after every clip.

    Raises:
        ValueError: There is no clip.
    """
    rank, ranks = (distributed.get_rank(), distributed.get_world_size()) if _in_group() else (0, 1)
    steps = FRAMES - first
    metric = FramePredictionMetric(steps)
    for index in range(rank, len(clips), ranks):
        clip = as_tensor(clips[index][:FRAMES])
        metric.update(predict(clip[None, :OBSERVED])[0, -steps:], clip[first:])
        if progress is not None:
            progress(1)
    return metric.reduce().compute()


def _in_group() -> bool:
    return distributed.is_available() and distributed.is_initialized()
