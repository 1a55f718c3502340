"""How good predicted frames are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch

from maskreel.common.metrics import PSNR, SSIM, sum_over_ranks
from maskreel.vfp.timeline import FRAMES, OBSERVED

__all__ = ["FramePredictionMetric", "FramePredictionScore", "FrameScore"]


@dataclass(frozen=True)
class FrameScore:
    """Quality of one frame, or of all of them; pixel values count from 0 to 1."""

    psnr: float
    """dB, from the squared error of all clips pooled; inf where all pixels are right."""
    psnr_of_frames: float
    """dB, the mean of the PSNR of the single frames, as OpenSTL prints it; inf if one of them is perfect."""
    ssim: float
    """Structural similarity, mean over frames (Wang et al. 2004), at most 1."""
    mse: float
    """Mean squared error over pixels and channels."""
    mae: float
    """Mean absolute error over pixels and channels."""


@dataclass(frozen=True)
class FramePredictionScore:
    """Quality of predicted frames, by time and together."""

    clips: int
    frames: tuple[FrameScore, ...]
    """Of each predicted frame; entry 0 is frame 12 of the clip when frames are counted from 1."""
    overall: FrameScore
    """Of all frames together."""


class FramePredictionMetric:
    """PSNR, SSIM, MSE and MAE of predicted clips: `update` often, `compute` once.

    Args:
        steps: Predicted frames of a clip.
    """

    def __init__(self, steps: int = FRAMES - OBSERVED) -> None:
        if steps < 1:
            raise ValueError(f"steps must be 1 or more, got {steps}")
        self.steps = steps
        self._psnr = [PSNR() for _ in range(steps)]
        self._ssim = [SSIM() for _ in range(steps)]
        # for each step: the sums of absolute and of squared errors in grey levels, and the number of values
        self._errors = torch.zeros(steps, 3, dtype=torch.float64)

    @property
    def clips(self) -> int:
        """How many clips have been counted."""
        return self._psnr[0].frames

    def update(self, prediction: torch.Tensor, truth: torch.Tensor) -> None:
        """Count clips.

        Args:
            prediction: uint8 (steps, 3, H, W), or (B, steps, 3, H, W).
            truth: uint8, the same shape.
        """
        self._check(prediction, truth)
        for step in range(self.steps):
            ours, theirs = prediction[..., step, :, :, :].cpu(), truth[..., step, :, :, :].cpu()
            self._psnr[step].update(ours, theirs)
            self._ssim[step].update(ours, theirs)
            error = (ours.to(torch.int32) - theirs.to(torch.int32)).double()
            self._errors[step] += torch.stack(
                (error.abs().sum(), error.square().sum(), error.new_tensor(error.numel()))
            )

    def merge(self, other: FramePredictionMetric) -> None:
        """Add what `other` has counted."""
        if other.steps != self.steps:
            raise ValueError(f"other must have {self.steps} steps, got {other.steps}")
        for step in range(self.steps):
            self._psnr[step].merge(other._psnr[step])
            self._ssim[step].merge(other._ssim[step])
        self._errors += other._errors

    def reduce(self) -> Self:
        """A new metric with what all ranks of torch.distributed have counted; every rank must call it."""
        total = type(self)(self.steps)
        total._psnr = [one.reduce() for one in self._psnr]
        total._ssim = [one.reduce() for one in self._ssim]
        total._errors = sum_over_ranks(self._errors)
        return total

    def compute(self) -> FramePredictionScore:
        """The scores. Raises ValueError if no clip has been counted."""
        if not self.clips:
            raise ValueError("FramePredictionMetric has counted no clip: call update first")
        frames = tuple(
            _score(psnr, ssim, errors) for psnr, ssim, errors in zip(self._psnr, self._ssim, self._errors, strict=True)
        )
        psnr, ssim = PSNR(), SSIM()
        for one, other in zip(self._psnr, self._ssim, strict=True):
            psnr.merge(one)
            ssim.merge(other)
        return FramePredictionScore(self.clips, frames, _score(psnr, ssim, self._errors.sum(0)))

    def _check(self, prediction: torch.Tensor, truth: torch.Tensor) -> None:
        for name, frames in (("prediction", prediction), ("truth", truth)):
            if frames.dtype != torch.uint8:
                raise TypeError(f"{name} must be uint8, got {frames.dtype}")
            if frames.ndim not in (4, 5) or frames.shape[-4] != self.steps or frames.shape[-3] != 3:
                raise ValueError(
                    f"{name} must have shape ({self.steps}, 3, H, W), with or without a leading B, "
                    f"got {tuple(frames.shape)}"
                )
        if prediction.shape != truth.shape:
            raise ValueError(
                f"prediction and truth must have one shape, got {tuple(prediction.shape)} and {tuple(truth.shape)}"
            )


def _score(psnr: PSNR, ssim: SSIM, errors: torch.Tensor) -> FrameScore:
    absolute, squared, count = errors.tolist()
    return FrameScore(
        psnr=psnr.compute(),
        psnr_of_frames=psnr.frame_mean(),
        ssim=ssim.frame_mean(),
        mse=squared / count / 255**2,
        mae=absolute / count / 255,
    )
