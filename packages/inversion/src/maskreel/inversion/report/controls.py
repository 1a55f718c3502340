"""Controls: frames that show how much of a score is due to what is in the masks already, and how much to chance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from maskreel.common.show import PALETTE
from maskreel.common.world import OBJECT_CLASSES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maskreel.inversion.report.subject import Subject
    from maskreel.inversion.targets import FrameTarget

__all__ = ["blurred", "noise", "normalised", "silhouettes", "swapped"]

_GREY = 128
_BLUR = 0.02
"""Standard deviation of the blur as a share of the height."""
_COLOURS = {str(kind): kind.rgb for kind in OBJECT_CLASSES}


def noise(subject: Subject, *, seed: int = 0) -> torch.Tensor:
    """What an inversion starts from: independent normal noise, mean 0.5, standard deviation 0.25, uint8."""
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(subject.frames.shape, generator=generator)
    return (255 * (0.5 + 0.25 * values)).round().clamp(0, 255).to(torch.uint8)


def silhouettes(subject: Subject) -> torch.Tensor:
    """The masks painted flat on grey, each in the colour of its class where the class has one, uint8 (T, 3, H, W).

    Classes of the table scene have the colour in their names. Others have colours by their labels, without meaning.
    """
    pictures = torch.full_like(subject.frames, _GREY)
    for picture, target in zip(pictures, subject.targets, strict=True):
        for mask, label in zip(target.masks, target.labels.tolist(), strict=True):
            rgb = _COLOURS.get(str(subject.class_names[label]), PALETTE[(label - 1) % len(PALETTE)])
            picture[:, mask] = torch.tensor(rgb, dtype=torch.uint8)[:, None]
    return pictures


def blurred(pictures: torch.Tensor) -> torch.Tensor:
    """uint8 (T, 3, H, W) under a Gaussian of 2 % of the height, at least one pixel."""
    sigma = max(1.0, _BLUR * pictures.shape[-2])
    radius = min(round(3 * sigma), *(side - 1 for side in pictures.shape[-2:]))
    offsets = torch.arange(-radius, radius + 1, dtype=torch.float32)
    weights = torch.exp(-0.5 * (offsets / sigma).square())
    weights = (weights / weights.sum()).repeat(3, 1, 1)
    out = torch.empty_like(pictures)
    for one, result in zip(pictures, out, strict=True):
        image = functional.pad(one.float()[None], (radius,) * 4, mode="reflect")
        image = functional.conv2d(image, weights[:, :, :, None], groups=3)
        image = functional.conv2d(image, weights[:, :, None, :], groups=3)
        result.copy_(image[0].round().clamp(0, 255))
    return out


def swapped(subjects: Sequence[Subject], place: int) -> tuple[tuple[FrameTarget, ...], tuple[str | None, ...]]:
    """Masks that the frames of one sequence were not made for, with their class names.

    Those of the next sequence, resized, or, where there is but one, of the frames half the video away.
    """
    subject = subjects[place]
    other = subjects[(place + 1) % len(subjects)]
    shift = len(subject) // 2 if other is subject else 0
    if other is subject and not shift:
        raise ValueError("swapping masks needs two frames or two sequences")
    targets = tuple(
        other.targets[(i + shift) % len(other)].resized(subject.targets[0].size) for i in range(len(subject))
    )
    return targets, other.class_names


def normalised(score: float, *, noise: float, real: float) -> float:
    """0 where a score is that of noise, 1 where it is that of real frames; nan where these do not differ."""
    return (score - noise) / (real - noise) if real > noise else float("nan")
