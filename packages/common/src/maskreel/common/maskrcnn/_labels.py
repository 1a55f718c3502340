"""Detections to label maps and back, where a frame holds at most one object of each class."""

from __future__ import annotations

import torch

from maskreel.common.maskrcnn._detections import Detections
from maskreel.common.masks import boxes, instances_to_labels, labels_to_instances


def detections_to_labels(detections: Detections, *, min_score: float = 0.5) -> torch.Tensor:
    """Paint detections into one label map, uint8 (H, W), 0 where there is none.

    Of several detections of a class the one with the highest score counts; where objects overlap, the higher score
    lies in front. Among equal scores the first in the list wins.

    Args:
        detections: Labels from 1 to 254.
        min_score: Detections below it are left out.
    """
    order = detections.scores.argsort(descending=True, stable=True)
    best: dict[int, int] = {}  # label -> position, best score first
    for position in order[detections.scores[order] >= min_score].tolist():
        best.setdefault(int(detections.labels[position]), position)
    masks = detections.masks[list(best.values())]
    return instances_to_labels(masks, list(best), order=list(best)[::-1])


def labels_to_detections(labels: torch.Tensor, *, min_pixels: int = 1) -> Detections:
    """The objects in a label map, uint8 (H, W): one per label from 1 to 254 that has `min_pixels` or more, score 1.

    `detections_to_labels(labels_to_detections(labels))` gives `labels` back (less 255, void).
    """
    if labels.ndim != 2:
        raise ValueError(f"labels must have shape (H, W), got {tuple(labels.shape)}")
    masks, ids = labels_to_instances(labels)
    numbers = torch.tensor(ids, dtype=torch.int64, device=labels.device)
    large = masks.sum((-2, -1)) >= max(min_pixels, 1)
    masks, numbers = masks[large], numbers[large]
    return Detections(boxes(masks).float(), numbers, torch.ones(len(numbers), device=labels.device), masks)
