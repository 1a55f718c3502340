"""Pictures beside the numbers: masks, frames, and what a verifier saw in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from maskreel.common.metrics import iou
from maskreel.common.show import PALETTE, contact_sheet, overlay

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from maskreel.inversion.report.subject import Subject
    from maskreel.inversion.report.verifier import Found
    from maskreel.inversion.targets import FrameTarget

__all__ = ["VERDICTS", "mask_picture", "strip", "verdicts"]

VERDICTS = "green: right class and J of 0.5 or more; orange: seen as another class; blue: invented; red outline: missed"
_COLOURS = ((60, 190, 90), (255, 150, 30), (40, 110, 255))
_MISSED = ((230, 30, 40),)
_GREY = 70


def verdicts(found: Found, target: FrameTarget, class_names: Sequence[str | None]) -> torch.Tensor:
    """bool (4, H, W): what was found right, found as another class, invented, and the objects that were missed."""
    planes = torch.zeros(4, *target.size, dtype=torch.bool)
    explained: set[int] = set()
    objects = target.present()
    for mask, label in zip(objects.masks, objects.labels.tolist(), strict=True):
        overlap = iou(found.masks, mask.expand_as(found.masks), ignore=target.void)
        hits = [place for place, value in enumerate(overlap.tolist()) if value >= 0.5]
        right = [place for place in hits if class_names[label] in (None, found.names[place])]
        explained.update(hits)
        if hits:
            planes[0 if right else 1] |= found.masks[(right or hits)[0]]
        else:
            planes[3] |= mask
    for place, mask in enumerate(found.masks):
        if place not in explained:
            planes[2] |= mask
    planes[2] &= ~planes[:2].any(0)
    return planes


def draw_verdicts(
    frame: torch.Tensor, found: Found, target: FrameTarget, class_names: Sequence[str | None]
) -> torch.Tensor:
    """The frame with the verdicts over it, uint8 (3, H, W)."""
    planes = verdicts(found, target, class_names)
    tinted = overlay(frame, planes[:3], palette=_COLOURS)
    return overlay(tinted, planes[3:], alpha=0.0, palette=_MISSED)


def mask_picture(target: FrameTarget) -> torch.Tensor:
    """Every object in a colour of its own on dark grey, uint8 (3, H, W); void is light."""
    picture = torch.full((3, *target.size), _GREY, dtype=torch.uint8)
    for place, mask in enumerate(target.masks):
        picture[:, mask] = torch.tensor(PALETTE[place % len(PALETTE)], dtype=torch.uint8)[:, None]
    if target.void is not None:
        picture[:, target.void] = 220
    return picture


def strip(
    subject: Subject,
    pictures: Mapping[str, torch.Tensor],
    found: Mapping[str, Sequence[Found]],
    places: Sequence[int],
) -> torch.Tensor:
    """One column per frame: masks, the inverted frame, then each kind of picture with what was found over it."""
    cells = [mask_picture(subject.targets[i]) for i in places]
    titles = ["masks"] * len(places)
    cells += [subject.frames[i] for i in places]
    titles += ["inverted"] * len(places)
    for kind, frames in pictures.items():
        cells += [draw_verdicts(frames[i], found[kind][i], subject.targets[i], subject.class_names) for i in places]
        titles += [f"seen in {kind}"] * len(places)
    return contact_sheet(cells, columns=len(places), titles=titles, gap=4)
