"""What a frame predictor learns from, and how good it is."""

from __future__ import annotations

from dataclasses import asdict
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch

from maskreel.common.training import TrainingTask
from maskreel.vfp.frames._config import FeedConfig, FrameLoss
from maskreel.vfp.frames._feed import drawn_feed
from maskreel.vfp.frames._frames import as_tensor
from maskreel.vfp.frames._losses import frame_losses
from maskreel.vfp.frames._pictures import frame_strip
from maskreel.vfp.frames._quality import BASELINES, frame_quality
from maskreel.vfp.timeline import FRAMES, OBSERVED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from maskreel.vfp.evaluation import FramePredictionScore
    from maskreel.vfp.frames._frames import Frames
    from maskreel.vfp.frames._predictor import FramePredictor


class FramePredictionTask(TrainingTask):
    """Trains a `FramePredictor`; batches are collated samples of `VideoWindows`.

    Args:
        predictor: What is trained.
        clips: Held-out clips, uint8 (22, 3, H, W), that the quality is measured on.
        loss: What is minimised.
        feed: What a ConvLSTM is fed; other networks have no choice.

    Raises:
        ValueError: `feed` asks for more than the network can do.
    """

    def __init__(
        self,
        predictor: FramePredictor,
        clips: Sequence[Frames] = (),
        *,
        loss: FrameLoss | None = None,
        feed: FeedConfig | None = None,
    ) -> None:
        self.module = predictor
        self.clips = clips
        self.loss = loss or FrameLoss()
        self.feed = feed or FeedConfig()
        if self.feed.feed != "own" and predictor.config.network != "convlstm":
            raise ValueError(f"feed must be own with the network {predictor.config.network}, got {self.feed.feed}")

    def identity(self) -> Mapping[str, Any]:
        return asdict(self.loss) | asdict(self.feed)

    def losses(self, module: Any, batch: Any) -> Mapping[str, torch.Tensor]:
        if self.feed.feed != "own":
            return self._losses_of_all_answers(module, batch)
        skipped = module.first - OBSERVED
        observed, future, known = batch["observed"], batch["future"][:, skipped:], batch["known"][:, skipped:]
        predicted = module(observed, future.shape[1])
        return frame_losses(predicted, future, known, observed[:, -1:], std=module.std, config=self.loss)

    def _losses_of_all_answers(self, module: Any, batch: Any) -> Mapping[str, torch.Tensor]:
        clip = torch.cat([batch["observed"], batch["future"]], 1)
        feed = drawn_feed(self.feed, module.network.num_batches_tracked, batch["known"])
        module.network.num_batches_tracked += 1
        answers = module(clip[:, :-1], clip.shape[1] - 1, feed)
        known = torch.cat([torch.ones_like(batch["known"][:, :1]).expand(-1, OBSERVED - 1), batch["known"]], 1)
        newest = batch["observed"][:, -1:]
        return frame_losses(answers, clip[:, 1:], known, newest, std=module.std, config=self.loss)

    def evaluate(self, module: Any) -> Mapping[str, float]:
        """PSNR, SSIM and mean squared error on the held-out clips, of the network and of forecasts without training."""
        if not len(self.clips):
            return {}
        return _told(frame_quality(module.predict, self.clips, first=module.first)) | self._baselines

    @cached_property
    def _baselines(self) -> dict[str, float]:
        scores: dict[str, float] = {}
        for name, predict in BASELINES.items():
            scores |= _told(frame_quality(predict, self.clips, first=self.module.first), f"{name}_")  # pyright: ignore
        return scores

    def samples(self, module: Any) -> torch.Tensor | None:
        """Truth, prediction and error of a held-out clip."""
        if not len(self.clips):
            return None
        clip = as_tensor(self.clips[0][:FRAMES])
        predicted = module.predict(clip[None, :OBSERVED])[0]
        return frame_strip(clip[:OBSERVED], predicted, clip[module.first :])


def _told(score: FramePredictionScore, prefix: str = "") -> dict[str, float]:
    overall = score.overall
    return {f"{prefix}psnr": overall.psnr, f"{prefix}ssim": overall.ssim, f"{prefix}mse": overall.mse}
