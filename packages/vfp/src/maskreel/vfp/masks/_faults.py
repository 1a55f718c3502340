"""Faults that a segmenter makes, for label maps that are exact otherwise."""

from __future__ import annotations

import torch

from maskreel.vfp.timeline import CLASSES

__all__ = ["faulty"]


def faulty(labels: torch.Tensor, *, drop: float, ragged: float, confuse: float) -> torch.Tensor:
    """Label maps with faults, drawn from torch's global generator for each object in each frame by itself.

    Args:
        labels: uint8 (T, H, W), class ids up to 48; not changed.
        drop: Chance that an object is missing.
        ragged: Chance that it is displaced by one pixel in some direction.
        confuse: Chance that it gets another class, drawn from all.
    """
    frames = len(labels)
    chance = torch.rand(3, frames, CLASSES)
    names = torch.arange(CLASSES, dtype=torch.uint8).repeat(frames, 1)
    names = torch.where(chance[2] < confuse, torch.randint(1, CLASSES, names.shape, dtype=torch.uint8), names)
    names = torch.where(chance[0] < drop, 0, names)
    step = torch.randint(-1, 2, (2, frames, CLASSES)) * (chance[1] < ragged)
    result = torch.zeros_like(labels)
    for number in labels.unique().tolist():
        if number:
            time, y, x = (labels == number).nonzero(as_tuple=True)
            y = (y + step[0, time, number]).clamp(0, labels.shape[1] - 1)
            x = (x + step[1, time, number]).clamp(0, labels.shape[2] - 1)
            result[time, y, x] = names[time, number]
    return result
