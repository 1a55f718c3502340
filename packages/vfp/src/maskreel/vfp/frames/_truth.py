"""The true frames after those that are known, where they lie beside them."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from maskreel.common.datasets import VfpFolder, VfpSplit, holds_videos
from maskreel.common.errors import InputError
from maskreel.vfp.evaluation import FramePredictionMetric, copy_last_frame
from maskreel.vfp.timeline import FRAMES

if TYPE_CHECKING:
    import os

    import torch

    from maskreel.vfp.frames._exports import PredictedClip

__all__ = ["RunningQuality", "TrueFutures"]

logger = logging.getLogger(__name__)


class TrueFutures:
    """Looks for the future frames of clips by their names; only splits of the vfp data set have them.

    Args:
        source: What the clips were opened from.
        first: The first frame, counted from 0, that is asked for.
    """

    def __init__(self, source: str | os.PathLike[str], first: int) -> None:
        path = Path(source)
        known = path.name in get_args(VfpSplit) and path.name != "hidden"
        self.first = first
        self._videos = VfpFolder(path.parent, path.name) if known and holds_videos(path) else None  # pyright: ignore[reportArgumentType]

    def find(self, name: str, like: torch.Tensor) -> torch.Tensor | None:
        """uint8 of the shape of `like`, (n, 3, H, W); None where there is none of that size."""
        if self._videos is None:
            return None
        try:
            frames = self._videos[name].frames(self.first, FRAMES)
        except InputError as error:
            logger.info("%s: not measured, since %s", name, error)
            return None
        return frames if frames.shape == like.shape else None


class RunningQuality:
    """PSNR and SSIM of predictions whose truth is known, beside those of the last known frame, copied."""

    def __init__(self) -> None:
        self._metrics: tuple[FramePredictionMetric, FramePredictionMetric] | None = None

    def update(self, clip: PredictedClip) -> None:
        """Count a clip, if its truth is known."""
        if clip.truth is None:
            return
        steps = len(clip.truth)
        self._metrics = self._metrics or (FramePredictionMetric(steps), FramePredictionMetric(steps))
        self._metrics[0].update(clip.pixels, clip.truth)
        self._metrics[1].update(copy_last_frame(clip.observed, steps), clip.truth)

    def lines(self) -> list[str]:
        """What was found, for people; nothing without a truth."""
        if self._metrics is None:
            return []
        ours, copied = (metric.compute().overall for metric in self._metrics)
        lines = [f"PSNR {ours.psnr:.2f} dB, SSIM {ours.ssim:.4f}, mean squared error {ours.mse:.6f}"]
        lines += [f"of the last known frame: {copied.psnr:.2f} dB, {copied.ssim:.4f}, {copied.mse:.6f}"]
        if not (ours.psnr > copied.psnr and ours.ssim > copied.ssim):
            lines += ["the prediction is not better than the last known frame, copied"]
        return lines
