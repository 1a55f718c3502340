"""`FramePredictor`: pixels to pixels around a network of normalised values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

from maskreel.vfp.timeline import FRAMES, OBSERVED

if TYPE_CHECKING:
    from maskreel.vfp.frames._config import PredictorConfig

__all__ = ["FramePredictor", "to_pixels"]


class FramePredictor(nn.Module):
    """11 frames to the 11 that follow them: RGB in [0, 1], float32 (B, 11, 3, H, W) to (B, n, 3, H, W), for any H, W.

    Normalisation, patches, padding and the residual live in here, so there is nothing that a caller could do otherwise
    than the training did. n is 11, or 1 with the head "direct": then it is frame 22 alone.

    Args:
        config: What the network is, and mean and std of the data.
        network: Normalised frames (B, 11, C, h, w) and a number of steps to (B, steps, C, h, w); with the residual,
            the change since the newest observed frame.
        stride: Frames are padded until height and width are multiples of it.
        patch: Blocks of patch x patch pixels are laid into the channels for the network: C is 3 patch^2.
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, config: PredictorConfig, network: nn.Module, *, stride: int, patch: int = 1) -> None:
        super().__init__()
        self.config = config
        self.network = network
        self.stride, self.patch = stride, patch
        self.register_buffer("mean", torch.tensor(config.mean)[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(config.std)[:, None, None], persistent=False)

    @property
    def first(self) -> int:
        """The frame of a clip, counted from 0, that comes first in what `forward` gives."""
        return FRAMES - 1 if self.config.head == "direct" else OBSERVED

    def forward(self, frames: torch.Tensor, steps: int | None = None, feed: torch.Tensor | None = None) -> torch.Tensor:
        """The future frames, not clamped.

        Args:
            frames: float32 (B, 11, 3, H, W) in [0, 1].
            steps: With the head "rollout" and with ConvLSTM, how many frames to predict; by default 11. The other
                networks make a fixed number.
            feed: For training a ConvLSTM, with more than 11 frames: which of them it is fed, see `ConvLSTM.forward`.
        """
        _check(frames, at_least=feed is not None)
        height, width = frames.shape[-2:]
        padded = _padded(frames, self.stride)
        inputs = functional.pixel_unshuffle((padded - self.mean) / self.std, self.patch)
        more = () if feed is None else (feed,)
        outputs = functional.pixel_shuffle(self.network(inputs, self.steps(steps), *more), self.patch)
        base = padded[:, OBSERVED - 1 : OBSERVED] if self.config.residual else self.mean
        return (base + outputs * self.std)[..., :height, :width]

    def steps(self, asked: int | None) -> int:
        """How many frames `forward` gives when it is asked for so many."""
        made = FRAMES - self.first
        fixed = self.config.head != "rollout" and self.config.network != "convlstm"
        if fixed and asked not in (None, made):
            raise ValueError(f"steps must be {made} with the head {self.config.head}, got {asked}")
        return made if asked is None else asked

    @torch.inference_mode()
    def predict(self, frames: torch.Tensor) -> torch.Tensor:
        """The future frames as pixels, uint8 (B, n, 3, H, W), of observed ones, uint8 (B, 11, 3, H, W).

        Values beyond black and white are clipped, not wrapped. The answer is on the device of the input.
        """
        if frames.dtype != torch.uint8:
            raise TypeError(f"frames must be uint8, got {frames.dtype}")
        self.eval()
        return to_pixels(self(frames.to(self.mean.device).float() / 255)).to(frames.device)


def to_pixels(values: torch.Tensor) -> torch.Tensor:
    """Colours in [0, 1] as uint8, rounded; what lies outside is clipped: 1.02 becomes 255 and -0.02 becomes 0."""
    return (values * 255).round().clamp(0, 255).to(torch.uint8)


def _padded(frames: torch.Tensor, stride: int) -> torch.Tensor:
    """Continued to the right and below by their edges, to multiples of the stride."""
    missing = (0, -frames.shape[-1] % stride, 0, -frames.shape[-2] % stride)
    if not any(missing):
        return frames
    return functional.pad(frames.flatten(0, 1), missing, mode="replicate").unflatten(0, frames.shape[:2])


def _check(frames: torch.Tensor, *, at_least: bool) -> None:
    fits = frames.ndim == 5 and frames.shape[2] == 3
    if not fits or (frames.shape[1] < OBSERVED if at_least else frames.shape[1] != OBSERVED):
        raise ValueError(f"frames must have shape (B, {OBSERVED}, 3, H, W), got {tuple(frames.shape)}")
