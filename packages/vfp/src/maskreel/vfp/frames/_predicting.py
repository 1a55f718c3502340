"""Prediction of many clips, some at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from maskreel.vfp.data import ObservedClip
    from maskreel.vfp.frames._predictor import FramePredictor

__all__ = ["predicted_clips"]


def predicted_clips(
    predictor: FramePredictor, clips: Iterable[ObservedClip], *, batch_size: int = 8, scale: bool = True
) -> Iterator[tuple[ObservedClip, torch.Tensor, torch.Tensor]]:
    """Every clip with its observed frames and its future, in the order of the clips and in the memory of one batch.

    The last batch may be smaller than the others, and a batch ends early where the size of the clips changes.

    Args:
        predictor: The network, on the device that it is to compute on.
        clips: What is known.
        batch_size: Clips that are predicted at a time.
        scale: Scale frames of other sizes to 160 x 240; else they are predicted at their own size.

    Yields:
        The clip, its observed frames as the network was given them, uint8 (11, 3, H, W), and the frames that follow, as
        float32 (n, 3, H, W), which may lie outside [0, 1]; `to_pixels` clips them.

    Raises:
        ValueError: `batch_size` is below 1.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size must be 1 or more, got {batch_size}")
    predictor.eval()
    batch: list[tuple[ObservedClip, torch.Tensor]] = []
    for clip in clips:
        frames = clip.frames if scale else clip.pictures
        if batch and (len(batch) == batch_size or batch[0][1].shape != frames.shape):
            yield from _predicted(predictor, batch)
            batch = []
        batch.append((clip, frames))
    if batch:
        yield from _predicted(predictor, batch)


def _predicted(
    predictor: FramePredictor, batch: list[tuple[ObservedClip, torch.Tensor]]
) -> Iterator[tuple[ObservedClip, torch.Tensor, torch.Tensor]]:
    observed = torch.stack([frames for _, frames in batch])
    with torch.inference_mode():
        future = predictor(observed.to(predictor.mean.device).float() / 255).cpu()
    for (clip, frames), one in zip(batch, future, strict=True):
        yield clip, frames, one
