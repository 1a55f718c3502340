"""Average precision of what was found: 101 points of the recall axis, as COCO counts it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from maskreel.common.metrics import iou

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maskreel.inversion.report.verifier import Found
    from maskreel.inversion.targets import FrameTarget

__all__ = ["average_precision"]

_POINTS = 101


def average_precision(
    found: Sequence[Found],
    targets: Sequence[FrameTarget],
    class_names: Sequence[str | None],
    *,
    threshold: float = 0.5,
    min_pixels: int = 1,
) -> float:
    """Mean over the classes that occur; nan where there is none, or the class of an object is None.

    Finding an object below `min_pixels` counts neither for nor against.

    Args:
        found: What was found in each frame, all scores.
        targets: What is there.
        class_names: Name of each label.
        threshold: Mask IoU of a hit.
        min_pixels: Visible pixels of an object that counts.
    """
    names = {class_names[label] for target in targets for label in target.present().labels.tolist()}
    if None in names:
        return math.nan
    scores = [
        _of_class(str(name), found, targets, class_names, threshold, min_pixels) for name in sorted(map(str, names))
    ]
    known = [score for score in scores if not math.isnan(score)]
    return math.fsum(known) / len(known) if known else math.nan


def _of_class(
    name: str,
    found: Sequence[Found],
    targets: Sequence[FrameTarget],
    class_names: Sequence[str | None],
    threshold: float,
    min_pixels: int,
) -> float:
    ranked: list[tuple[float, bool]] = []
    count = 0
    for seen, target in zip(found, targets, strict=True):
        mine = [class_names[label] == name for label in target.labels.tolist()]
        truth = target.masks[torch.tensor(mine, dtype=torch.bool)]
        pixels = truth.flatten(1).sum(1)
        truth, pixels = truth[pixels > 0], pixels[pixels > 0]
        count += int((pixels >= min_pixels).sum())
        ranked += _matched(seen, name, truth, (pixels < min_pixels).tolist(), threshold, target.void)
    return _area(ranked, count) if count else math.nan


def _matched(
    seen: Found, name: str, truth: torch.Tensor, passing: list[bool], threshold: float, void: torch.Tensor | None
) -> list[tuple[float, bool]]:
    """Score and whether it is a hit, best score first; each object is hit once, findings of small ones left out."""
    free = dict(enumerate(passing))
    ranked = []
    scores = seen.scores.tolist()
    for place in sorted((i for i, one in enumerate(seen.names) if one == name), key=lambda i: -scores[i]):
        overlap = {i: float(iou(seen.masks[place], truth[i], ignore=void)) for i in free}
        hits = {i: value for i, value in overlap.items() if value >= threshold}
        best = max(hits, key=lambda i: (not passing[i], hits[i])) if hits else None
        if best is None:
            ranked.append((scores[place], False))
        elif not free.pop(best):
            ranked.append((scores[place], True))
    return ranked


def _area(ranked: list[tuple[float, bool]], count: int) -> float:
    if not ranked:
        return 0.0
    hits = torch.tensor([hit for _, hit in sorted(ranked, key=lambda one: -one[0])], dtype=torch.float64)
    true = hits.cumsum(0)
    precision = (true / torch.arange(1, len(hits) + 1)).flip(0).cummax(0).values.flip(0)
    places = torch.searchsorted(true / count, torch.linspace(0, 1, _POINTS, dtype=torch.float64) - 1e-12)
    return float(torch.cat([precision, precision.new_zeros(1)])[places].mean())
