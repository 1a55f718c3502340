"""How steady a video is from frame to frame."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import torch

from maskreel.common.flow import warp
from maskreel.common.metrics._checks import check_frames, check_pixel_mask, check_same_shape, unit_range, wide_dtype

if TYPE_CHECKING:
    from collections.abc import Iterator


def warping_error(frames: torch.Tensor, flows: torch.Tensor, occlusions: torch.Tensor) -> torch.Tensor:
    """E_warp of every pair of consecutive frames: the mean of (frame_t+1 warped to frame_t, less frame_t)^2 over the
    pixels that are not occluded and the three channels, for grey levels from 0 to 1.

    The number of a video is the mean over its pairs (Lai et al., "Learning Blind Video Temporal Consistency", ECCV
    2018); papers print it times 100. Say which flow it was measured with, and print a fidelity beside it: a video that
    does not move has no warping error. Long videos go through in chunks that share one frame.

    Args:
        frames: uint8 or float (T, 3, H, W).
        flows: float (T - 1, 2, H, W), pixels, from frame t to frame t + 1.
        occlusions: bool (T - 1, H, W), pixels of frame t to leave out; see `maskreel.common.flow.occlusion`.

    Returns:
        float64 (T - 1,) (float32 on MPS); nan for a pair that is wholly occluded.
    """
    _check_clip(frames, "frames")
    pairs, plane = len(frames) - 1, frames.shape[-2:]
    if flows.shape != (pairs, 2, *plane):
        raise ValueError(f"flows must have shape {(pairs, 2, *plane)} for the frames, got {tuple(flows.shape)}")
    if occlusions.shape != (pairs, *plane):
        raise ValueError(f"occlusions must have shape {(pairs, *plane)} for the frames, got {tuple(occlusions.shape)}")
    check_pixel_mask(occlusions, occlusions.shape, "occlusions")
    errors = [
        _masked_mean((warp(after, flow) - before).square(), ~occluded)
        for (before, after), flow, occluded in zip(_pairs(frames), flows, occlusions, strict=True)
    ]
    return _values(errors, frames.device)


def flicker(
    frames: torch.Tensor,
    mask: torch.Tensor | None = None,
    *,
    reference: torch.Tensor | None = None,
    where: Literal["both", "either"] = "both",
) -> torch.Tensor:
    """Mean absolute change from each frame to the next, in grey levels from 0 to 255, over pixels and channels.

    With a reference clip, for example the truth, only change that the reference does not show counts:
    mean |(frame_t+1 - frame_t) - (reference_t+1 - reference_t)|. Long videos go through in chunks that share one frame.

    Args:
        frames: uint8 (0 to 255) or float (0 to 1), (T, 3, H, W).
        mask: bool (T, H, W), or (H, W) for all frames: the pixels to look at; None for all.
        reference: a clip of the shape and dtype of `frames`.
        where: a pixel counts for a pair of frames if the mask holds it in both of them, or in either.

    Returns:
        float64 (T - 1,), one value per pair (float32 on MPS); nan for a pair without a pixel. Its mean over the pairs
        with a value is the flicker of the video.
    """
    _check_clip(frames, "frames")
    if where not in ("both", "either"):
        raise ValueError(f"where must be 'both' or 'either', got {where!r}")
    if mask is None:
        mask = torch.ones(frames.shape[-2:], dtype=torch.bool, device=frames.device)
    check_pixel_mask(mask, frames.shape[:1] + frames.shape[-2:], "mask")
    mask = mask.expand(len(frames), *frames.shape[-2:])
    changes = _changes(frames) if reference is None else _excess(frames, reference)
    masks = (one & other if where == "both" else one | other for one, other in pairwise(mask))
    errors = [_masked_mean(255 * change.abs(), counted) for change, counted in zip(changes, masks, strict=True)]
    return _values(errors, frames.device)


def _pairs(frames: torch.Tensor) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Consecutive frames in [0, 1], converted one at a time: a chunk of video stays small in memory."""
    return pairwise(map(unit_range, frames))


def _changes(frames: torch.Tensor) -> Iterator[torch.Tensor]:
    return (after - before for before, after in _pairs(frames))


def _excess(frames: torch.Tensor, reference: torch.Tensor) -> Iterator[torch.Tensor]:
    check_same_shape(frames, reference, ("frames", "reference"))
    if frames.dtype != reference.dtype:
        raise TypeError(f"frames and reference must have one dtype, got {frames.dtype} and {reference.dtype}")
    return (ours - theirs for ours, theirs in zip(_changes(frames), _changes(reference), strict=True))


def _masked_mean(values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean of (3, H, W) over channels and the pixels of (H, W); 0 / 0 is nan."""
    wide = wide_dtype(values.device)
    return values.sum(dim=-3).where(mask, 0).sum(dtype=wide) / (3 * mask.sum()).to(wide)


def _values(errors: list[torch.Tensor], device: torch.device) -> torch.Tensor:
    return torch.stack(errors) if errors else torch.empty(0, dtype=wide_dtype(device), device=device)


def _check_clip(frames: torch.Tensor, name: str) -> None:
    check_frames(frames, name)
    if frames.ndim != 4:
        raise ValueError(f"{name} must have shape (T, 3, H, W), got {tuple(frames.shape)}")
