"""How well a verifier finds the objects that frames were made to show."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from maskreel.common.metrics import contour_f, decay, iou
from maskreel.inversion.report.precision import average_precision

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maskreel.inversion.report.verifier import Found, Verifier
    from maskreel.inversion.targets import FrameTarget

__all__ = ["MIN_PIXELS", "ObjectScore", "VerifierScore", "score_found", "score_frames"]

MIN_PIXELS = 60
"""Smaller objects are not asked for."""


@dataclass(frozen=True)
class ObjectScore:
    """One object in one frame."""

    frame: int
    place: int
    """Place of the object in the frame's target."""
    name: str | None
    """Its class; None: any class is right."""
    pixels: int
    j: float
    """IoU with the best of what was found of the right class; 0 where there is none."""
    f: float
    """Contour accuracy of the same."""
    j_any: float
    """IoU with the best of what was found of any class."""
    named: bool
    """Whether what overlaps the object most is of the right class."""


@dataclass(frozen=True)
class VerifierScore:
    """The objects of some frames of one sequence."""

    verifier: str
    objects: tuple[ObjectScore, ...]
    ap50: float
    """Average precision at a mask IoU of 0.5, mean over the classes that occur; nan where classes are not known."""
    frames: int

    def found(self, at: float = 0.5) -> list[float]:
        """1 for every object of which the right class was found with a J of `at` or more, else 0."""
        return [float(one.j >= at) for one in self.objects]

    def values(self, field: str) -> list[float]:
        """One field of all objects as numbers."""
        return [float(getattr(one, field)) for one in self.objects]

    def mean(self, field: str = "j") -> float:
        """Mean of a field over the objects; nan without one."""
        values = self.values(field)
        return math.fsum(values) / len(values) if values else math.nan

    def by_frame(self) -> list[float]:
        """Mean J of each frame that has an object, in the order of time."""
        frames = sorted({one.frame for one in self.objects})
        rows = [[one.j for one in self.objects if one.frame == frame] for frame in frames]
        return [math.fsum(row) / len(row) for row in rows]

    def decay(self) -> float:
        """J of the first quarter of the frames less that of the last; nan below four frames."""
        values = self.by_frame()
        return decay(values) if len(values) >= 4 else math.nan


def score_frames(
    frames: torch.Tensor,
    targets: Sequence[FrameTarget],
    class_names: Sequence[str | None],
    verifier: Verifier,
    *,
    min_pixels: int = MIN_PIXELS,
) -> VerifierScore:
    """Let a verifier look at frames, and compare what it finds with what they were made to show.

    Args:
        frames: uint8 (T, 3, H, W).
        targets: One per frame; empty masks and masks below `min_pixels` are not asked for.
        class_names: Name of each label in the targets; None where any class is right.
        verifier: Not the teacher, see `require_independent`.
        min_pixels: Visible pixels of an object that counts.

    Raises:
        ValueError: There are not as many targets as frames, or their sizes differ.
    """
    if len(targets) != len(frames) or any(one.size != tuple(frames.shape[-2:]) for one in targets):
        sizes = sorted({one.size for one in targets})
        raise ValueError(
            f"targets must be {len(frames)} of size {tuple(frames.shape[-2:])}, got {len(targets)} of sizes {sizes}"
        )
    found = verifier(frames)
    return score_found(
        found, targets, class_names, verifier=verifier.name, min_score=verifier.min_score, min_pixels=min_pixels
    )


def score_found(
    found: Sequence[Found],
    targets: Sequence[FrameTarget],
    class_names: Sequence[str | None],
    *,
    verifier: str,
    min_score: float = 0.0,
    min_pixels: int = MIN_PIXELS,
) -> VerifierScore:
    """The same from what was found already; average precision uses findings below `min_score`, too."""
    objects: list[ObjectScore] = []
    for frame, (seen, target) in enumerate(zip(found, targets, strict=True)):
        sure = seen.above(min_score)
        for place, label in enumerate(target.labels.tolist()):
            mask = target.masks[place] if target.void is None else target.masks[place] & ~target.void
            if (pixels := int(mask.sum())) >= max(1, min_pixels):
                objects.append(_scored(frame, place, class_names[label], pixels, mask, sure, target.void))
    ap50 = average_precision(found, targets, class_names, min_pixels=min_pixels)
    return VerifierScore(verifier, tuple(objects), ap50, len(targets))


def _scored(
    frame: int,
    place: int,
    name: str | None,
    pixels: int,
    mask: torch.Tensor,
    found: Found,
    void: torch.Tensor | None,
) -> ObjectScore:
    if not len(found.names):
        return ObjectScore(frame, place, name, pixels, 0.0, 0.0, 0.0, named=False)
    overlaps = iou(found.masks, mask.expand_as(found.masks), ignore=void)
    right = torch.tensor([name is None or one == name for one in found.names])
    best_any = int(overlaps.argmax())
    best = int(overlaps.where(right, -1.0).argmax())
    named = bool(right[best_any]) and float(overlaps[best_any]) > 0
    if not right[best] or not overlaps[best] > 0:
        return ObjectScore(frame, place, name, pixels, 0.0, 0.0, float(overlaps[best_any]), named=named)
    contour = float(contour_f(found.masks[best], mask, ignore=void))
    return ObjectScore(frame, place, name, pixels, float(overlaps[best]), contour, float(overlaps[best_any]), named)
