"""The teacher's own opinion, boxes given: necessary, and proves nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from maskreel.common.metrics import contour_f, iou
from maskreel.inversion.report.score import MIN_PIXELS, ObjectScore, VerifierScore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maskreel.inversion.report.subject import Subject
    from maskreel.inversion.targets import FrameTarget
    from maskreel.inversion.teachers import Teacher

__all__ = ["for_teacher", "self_score"]


def for_teacher(
    teacher: Teacher, targets: Sequence[FrameTarget], class_names: Sequence[str | None]
) -> list[FrameTarget]:
    """The targets with the teacher's labels: -1 where any class is right, 0 where the teacher has none of that name."""
    known = [
        -1 if name is None else teacher.class_names.index(name) if name in teacher.class_names else 0
        for name in class_names
    ]
    lookup = torch.tensor(known, dtype=torch.int64)
    return [replace(target, labels=lookup[target.labels]) for target in targets]


def self_score(teacher: Teacher, subject: Subject, *, min_pixels: int = MIN_PIXELS, batch: int = 4) -> VerifierScore:
    """J and F of the teacher's masks at full resolution, for the boxes and classes of the targets.

    Objects of classes that the teacher does not have are left out.
    """
    objects: list[ObjectScore] = []
    device = next(teacher.parameters()).device
    mine = for_teacher(teacher, subject.targets, subject.class_names)
    for start in range(0, len(subject), batch):
        asked = [_countable(one, min_pixels) for one in mine[start : start + batch]]
        images = subject.frames[start : start + batch].to(device).float() / 255
        with torch.no_grad():
            given = [one.to(device) for one, _ in asked]
            seen = teacher.read(teacher.look(images), given)
        for offset, (probabilities, (target, places)) in enumerate(zip(seen, asked, strict=True)):
            masks = probabilities.detach().cpu() > 0.5
            for found, mask, place in zip(masks, target.masks, places, strict=True):
                name = subject.class_names[int(subject.targets[start + offset].labels[place])]
                objects.append(_scored(start + offset, place, name, found, mask, target.void))
    return VerifierScore("teacher", tuple(objects), float("nan"), len(subject))


def _countable(target: FrameTarget, min_pixels: int) -> tuple[FrameTarget, list[int]]:
    pixels = target.masks.flatten(1).sum(1)
    places = [i for i, count in enumerate(pixels.tolist()) if count >= max(1, min_pixels) and target.labels[i] != 0]
    return replace(target, masks=target.masks[places], labels=target.labels[places]), places


def _scored(
    frame: int, place: int, name: str | None, found: torch.Tensor, mask: torch.Tensor, void: torch.Tensor | None
) -> ObjectScore:
    j = float(iou(found, mask, ignore=void))
    f = float(contour_f(found, mask, ignore=void))
    return ObjectScore(frame, place, name, int(mask.sum()), j, f, j, named=True)
