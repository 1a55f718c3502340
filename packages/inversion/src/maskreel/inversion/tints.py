"""The colour that each object starts from: of a palette, the one in which the teacher takes it most for what it is.

From grey, the gradient of the class may lead to two colours at once, each on a part of the object, or to a wrong one,
from which there is no way back without passing through grey. Trying colours takes one pass of the network for each.
"""

from __future__ import annotations

import colorsys
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maskreel.inversion.targets import FrameTarget
    from maskreel.inversion.teachers import Teacher

__all__ = ["PALETTE", "likeliest_colours", "tinted"]

PALETTE: tuple[tuple[float, float, float], ...] = (
    *(colorsys.hsv_to_rgb(hue / 12, *rest) for hue in range(12) for rest in ((0.8, 0.85), (0.5, 0.5), (0.9, 0.45))),
    *((grey, grey, grey) for grey in (0.15, 0.3, 0.5, 0.7, 0.9)),
)
"""RGB: twelve hues, each vivid, dull and dark, and greys."""


@torch.no_grad()
def likeliest_colours(
    teacher: Teacher, images: torch.Tensor, targets: Sequence[FrameTarget], *, batch: int
) -> torch.Tensor:
    """Of `PALETTE`, the colour of each object with the greatest mean certainty over the frames that it is in.

    Args:
        teacher: Judges.
        images: float (T, 3, H, W), what the frames look like without tints.
        targets: One per image; the same objects in the same order.
        batch: Frames that the teacher sees at a time.

    Returns:
        (N, 3) RGB.
    """
    parts = [range(start, min(start + batch, len(images))) for start in range(0, len(images), batch)]
    scores = []
    for colour in PALETTE:
        colours = images.new_tensor(colour).expand(len(targets[0].labels), 3)
        total = images.new_zeros(len(targets[0].labels))
        for part in parts:
            shown = [targets[index] for index in part]
            answer = teacher.look(tinted(images[part.start : part.stop], shown, colours))
            total += torch.stack(teacher.certainty(answer, shown)).sum(0)
        scores.append(total)
    best = torch.stack(scores).argmax(0)
    return images.new_tensor(PALETTE)[best]


def tinted(images: torch.Tensor, targets: Sequence[FrameTarget], colours: torch.Tensor) -> torch.Tensor:
    """Images (T, 3, H, W) with each object's pixels shifted so that their mean is its colour, (N, 3)."""
    result = images.clone()
    for image, target in zip(result, targets, strict=True):
        for mask, colour in zip(target.known, colours, strict=True):
            if mask.any():
                pixels = image[:, mask]
                image[:, mask] = (pixels - pixels.mean(1, keepdim=True) + colour[:, None]).clamp(0, 1)
    return result
