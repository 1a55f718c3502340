"""How much neighbouring frames disagree, as a loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maskreel.common.flow import warp

if TYPE_CHECKING:
    import torch

    from maskreel.inversion.video._sequence import SequenceMotion

__all__ = ["temporal_error"]


def temporal_error(images: torch.Tensor, motion: SequenceMotion) -> torch.Tensor:
    """Mean squared difference between each frame and the frame `motion.stride` later, warped back to it.

    Over the pixels that both show and the three channels; the warping error of Lai et al. ("Learning Blind Video
    Temporal Consistency", ECCV 2018) with the motion of the masks. Differentiable in both frames of a pair: detach
    what is to stay. A frozen picture has no error, so print a fidelity beside it.

    Args:
        images: float (T, 3, H, W).
        motion: Of these T frames, at this size; `motion.chunk` for a part, `motion.strided` for longer steps.

    Returns:
        float (P,), one for every pair; 0 where nothing is seen in both.

    Raises:
        ValueError: `images` are not the frames of `motion`.
    """
    pairs, stride = len(motion), motion.stride
    shape = (pairs + stride, 3, *motion.forward.shape[-2:])
    if tuple(images.shape) != shape and (pairs or images.shape[1:] != shape[1:] or len(images) > stride):
        raise ValueError(f"images must have shape {shape} for the motion, got {tuple(images.shape)}")
    if not pairs:
        return images.flatten(1).sum(dim=1)[:0]
    seen = motion.forward_visible
    change = warp(images[stride:], motion.forward) - images[:-stride]
    # the mask is a factor and not an index: quicker, and its gradient is 0 where nothing is seen
    squares = change.square().sum(dim=1) * seen
    return squares.sum(dim=(1, 2)) / (3 * seen.sum(dim=(1, 2))).clamp(min=1)
