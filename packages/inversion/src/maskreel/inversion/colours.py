"""How far the colour of an object strays from its mean: things mostly have one colour, in light and in shade."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from maskreel.inversion.canvas import OPPONENT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maskreel.inversion.targets import FrameTarget

__all__ = ["colour_spread"]


def colour_spread(images: torch.Tensor, targets: Sequence[FrameTarget]) -> torch.Tensor:
    """Mean distance of an object's colour from its mean, over the pixels of each object, then over the objects.

    Brightness is free, so that there may be light and shade. A box head that pools 7x7 features is content with a patch
    of the right colour in an object of another; networks that look at pixels, and people, are not.

    Args:
        images: float (B, 3, H, W).
        targets: Objects of each; where two overlap, pixels belong to the first.

    Returns:
        (B,), the sum over red against green and yellow against blue; 0 where there is no object.
    """
    to_opponent = torch.linalg.inv(torch.tensor(OPPONENT)).to(images)
    chroma = torch.einsum("oc,bchw->bohw", to_opponent[1:], images)
    return torch.stack([_spread(one, target.known) for one, target in zip(chroma, targets, strict=True)])


def _spread(chroma: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """Of one image, (2, H, W), and its objects, bool (N, H, W)."""
    covered = masks.any(0)
    if not covered.any():
        return chroma.sum() * 0
    owner = masks.to(torch.uint8).argmax(0)[covered]
    pixels = chroma[:, covered]
    counts = torch.bincount(owner, minlength=len(masks))
    share = pixels.new_ones(()) / counts[owner]
    means = pixels.new_zeros(2, len(masks)).index_add(1, owner, pixels * share)
    return ((pixels - means[:, owner]).abs() * share).sum() / (counts > 0).sum()
