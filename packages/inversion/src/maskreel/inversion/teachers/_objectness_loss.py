"""The objectness term: the proposal network sees the objects, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from maskreel.inversion.teachers._coverage import covered

if TYPE_CHECKING:
    from maskreel.common.maskrcnn import Objectness
    from maskreel.inversion.teachers._objects import Objects

FITS, AWAY = 0.5, 0.3
"""IoU with an object from which an anchor is to be found, and below which it is not; between them it does not count."""
VOID = 0.3
"""Share of void in an anchor from which it does not count as background."""
HARDEST = 64
"""Anchors away from objects that count, per image: those with the highest logits. All of them together would dilute the
few that become false proposals."""


def objectness_losses(found: Objectness, objects: Objects) -> torch.Tensor:
    """Mean of the cross entropies of the anchors that fit and of those away, float32 (B,).

    An anchor fits an object with an IoU of 0.5 or more, or with the highest IoU of all anchors with that object.
    """
    logits = found.logits.float()
    fits, away = anchor_labels(found.anchors, objects)
    positive = _mean(functional.softplus(-logits), fits)
    hardest = logits.masked_fill(~away, -torch.inf).topk(min(HARDEST, logits.shape[1]), dim=1).values
    return (positive + _mean(functional.softplus(hardest), hardest > -torch.inf)) / 2


def anchor_labels(anchors: torch.Tensor, objects: Objects) -> tuple[torch.Tensor, torch.Tensor]:
    """Which of the anchors (K, 4) fit an object, and which are away from all, bool (B, K) each."""
    from torchvision.ops import box_iou

    best = anchors.new_zeros(objects.batch, len(anchors))
    fits = torch.zeros_like(best, dtype=torch.bool)
    if len(objects.boxes):
        iou = box_iou(objects.boxes.to(anchors), anchors)
        closest = (iou == iou.amax(1, keepdim=True)) & (iou > 0)
        for image, (own, near) in enumerate(zip(objects.by_image(iou), objects.by_image(closest), strict=True)):
            if len(own):
                best[image] = own.amax(0)
                fits[image] = (best[image] >= FITS) | near.any(0)
    away = (best < AWAY) & ~fits
    if objects.void is not None:
        area = (anchors[:, 2:] - anchors[:, :2]).prod(1)
        away &= covered(objects.void, anchors.expand(objects.batch, -1, -1)) <= VOID * area
    return fits, away


def _mean(values: torch.Tensor, which: torch.Tensor) -> torch.Tensor:
    """Mean over those of a row; 0 where there are none."""
    return torch.where(which, values, 0).sum(1) / which.sum(1).clamp(min=1)
