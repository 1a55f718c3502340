"""How steady a video is, by a flow that is declared."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from maskreel.common.metrics import flicker, warping_error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maskreel.inversion.targets import FrameTarget

__all__ = ["DeclaredFlow", "Steadiness", "mask_motion", "steadiness"]


@dataclass(frozen=True)
class DeclaredFlow:
    """The motion that frames are compared along, and where it comes from."""

    source: str
    """In words: "motion of the masks", "exact flow of the world"."""
    flows: torch.Tensor
    """float32 (T - 1, 2, H, W): where each pixel of a frame is in the next."""
    hidden: torch.Tensor
    """bool (T - 1, H, W): pixels that the next frame does not show."""


@dataclass(frozen=True)
class Steadiness:
    """Numbers of one video; nan where it has no pair of frames or no pixel to look at. A video that does not move has
    no error: read them beside the fidelity."""

    warping: float
    """E_warp: mean squared difference along the flow, grey levels 0 to 1, pixels that both frames show."""
    background: float
    """Mean absolute change of the background from frame to frame, grey levels 0 to 255."""
    drift: float
    """Slope of the mean colour of the background, grey levels 0 to 255 in a hundred frames: the largest channel's."""
    pairs: int


def steadiness(frames: torch.Tensor, targets: Sequence[FrameTarget], flow: DeclaredFlow) -> Steadiness:
    """Measure a video, uint8 (T, 3, H, W)."""
    from maskreel.inversion.video import colour_drift

    if len(frames) < 2:
        return Steadiness(math.nan, math.nan, math.nan, 0)
    background = torch.stack([_background(target) for target in targets])
    warping = warping_error(frames, flow.flows, flow.hidden)
    change = flicker(frames, background)
    slopes = 100 * colour_drift(frames, where=background)
    drift = float(slopes[slopes.abs().argmax()])
    return Steadiness(float(warping.nanmean()), float(change.nanmean()), drift, len(frames) - 1)


def mask_motion(targets: Sequence[FrameTarget]) -> DeclaredFlow:
    """The flow that the masks tell; nothing but masks goes into it, and the background is taken to stand still."""
    from maskreel.inversion.video import SequenceMotion

    motion = SequenceMotion.of(targets)
    return DeclaredFlow(
        "motion of the masks, background standing still", motion.forward.float(), ~motion.forward_visible
    )


def _background(target: FrameTarget) -> torch.Tensor:
    free = ~target.masks.any(0)
    return free if target.void is None else free & ~target.void
