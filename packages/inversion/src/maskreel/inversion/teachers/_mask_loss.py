"""The mask term: square mask logits against masks cut to the same squares."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from maskreel.inversion.teachers._objects import Objects
    from maskreel.inversion.teachers._regions import Regions


def mask_losses(
    logits: torch.Tensor, objects: Objects, regions: Regions, *, centre: tuple[float, float], thresholded: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Binary cross entropy per region, float32 (R,), and the share of each that is known, i.e. not void, (R,).

    Args:
        logits: float (R, M, M), for the classes of the objects.
        objects: Whose masks are wanted.
        regions: The R boxes.
        centre: Where the network has the centre of pixel 0; see `maskreel.common.maskrcnn`'s `paste_masks`.
        thresholded: The target is 0 or 1, as detectron2 trains; otherwise the covered share, as torchvision does.
    """
    side = logits.shape[-1]
    target = cut(objects.masks, regions.objects, regions.boxes, side, centre=centre)
    if thresholded:
        target = (target >= 0.5).to(target)
    losses = functional.binary_cross_entropy_with_logits(logits.float(), target, reduction="none").flatten(1)
    if objects.void is None:
        return losses.mean(1), losses.new_ones(len(losses))
    images = objects.images[regions.objects]
    known = 1 - cut(objects.void, images, regions.boxes, side, centre=centre).flatten(1).clamp(0, 1)
    total = known.sum(1)
    return (losses * known).sum(1) / total.clamp(min=1e-6), total / side**2


def cut(
    planes: torch.Tensor, index: torch.Tensor, boxes: torch.Tensor, side: int, *, centre: tuple[float, float]
) -> torch.Tensor:
    """RoIAlign (He et al. 2017) of bool planes (P, H, W): float32 (R, side, side), region r from plane `index[r]`."""
    from torchvision.ops import roi_align

    shift = boxes.new_tensor([0.5 - centre[0], 0.5 - centre[1]]).repeat(2)
    places = torch.cat([index[:, None].to(boxes), boxes + shift], dim=1)
    return roi_align(planes[:, None].float(), places, side, sampling_ratio=-1, aligned=True)[:, 0]
