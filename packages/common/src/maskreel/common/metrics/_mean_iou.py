"""IoU of label maps, averaged over classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import torch

from maskreel.common.metrics._checks import check_same_shape, wide_dtype
from maskreel.common.metrics._distributed import sum_over_ranks

if TYPE_CHECKING:
    from collections.abc import Collection


def confusion_matrix(
    prediction: torch.Tensor, truth: torch.Tensor, classes: int, *, ignore: int | None = None
) -> torch.Tensor:
    """Count the pixels of every pair of true and predicted class.

    Args:
        prediction: integer label map of any shape, values 0 to classes - 1.
        truth: integer, the same shape.
        classes: number of classes, background included, at least 1.
        ignore: the label of `truth` whose pixels do not count, for example 255.

    Returns:
        int64 (classes, classes), rows = truth, columns = prediction.

    Raises:
        ValueError: a label outside its range, where `truth` is not `ignore`.
    """
    if classes < 1:
        raise ValueError(f"classes must be at least 1, got {classes}")
    check_same_shape(prediction, truth, ("prediction", "truth"))
    for name, labels in (("prediction", prediction), ("truth", truth)):
        if labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool:
            raise TypeError(f"{name} must hold integer labels, got {labels.dtype}")
    if ignore is not None:
        counted = truth != ignore
        prediction, truth = prediction[counted], truth[counted]
    for name, labels in (("prediction", prediction), ("truth", truth)):
        _check_labels(labels, classes, name)
    pairs = truth.long().flatten() * classes + prediction.long().flatten()
    return pairs.bincount(minlength=classes**2).reshape(classes, classes)


def class_iou(confusion: torch.Tensor) -> torch.Tensor:
    """IoU of every class, C_cc / (row_c + column_c - C_cc); nan for a class absent from truth and prediction.

    Args:
        confusion: (..., classes, classes) counts.

    Returns:
        float64 (..., classes) (float32 on MPS).
    """
    if confusion.ndim < 2 or confusion.shape[-1] != confusion.shape[-2]:
        raise ValueError(f"confusion must have shape (..., classes, classes), got {tuple(confusion.shape)}")
    hits = confusion.diagonal(dim1=-2, dim2=-1)
    union = confusion.sum(dim=-1) + confusion.sum(dim=-2) - hits
    return hits.to(wide_dtype(confusion.device)) / union  # 0 / 0 is nan


def mean_iou(confusion: torch.Tensor, *, exclude: Collection[int] = ()) -> torch.Tensor:
    """Mean IoU over the classes that occur in truth or prediction; absent classes are skipped, not scored.

    Which matrices are added up first changes the number most: for one matrix per clip, stacked (N, classes, classes),
    `mean_iou(stack.sum(0))` pools all pixels and `mean_iou(stack).mean()` is the mean over clips.

    Args:
        confusion: (..., classes, classes) counts.
        exclude: classes to leave out of the mean, for example {0} for the background.

    Returns:
        float64 (...) (float32 on MPS); nan for a matrix in which no class occurs.
    """
    scores = class_iou(confusion)
    for label in exclude:
        _check_class(label, scores.shape[-1])
        scores[..., label] = torch.nan
    return scores.nanmean(dim=-1)


class MeanIoU:
    """Mean IoU over classes, from one confusion matrix of all pixels seen.

        metric = MeanIoU(49)
        for prediction, truth in loader:
            metric.update(prediction, truth)
        metric.reduce().compute()

    Args:
        classes: number of classes, background included.
        ignore: the label of the truth whose pixels do not count, for example 255.
    """

    def __init__(self, classes: int, *, ignore: int | None = None) -> None:
        if classes < 1:
            raise ValueError(f"classes must be at least 1, got {classes}")
        self.classes = classes
        self.ignore = ignore
        self.confusion = torch.zeros(classes, classes, dtype=torch.int64)
        """int64 (classes, classes) on the CPU, rows = truth, columns = prediction."""

    def update(self, prediction: torch.Tensor, truth: torch.Tensor) -> None:
        """Count the pixels of label maps of any shape; see `confusion_matrix`."""
        self.confusion += confusion_matrix(prediction, truth, self.classes, ignore=self.ignore).cpu()

    def merge(self, other: MeanIoU) -> None:
        """Add what `other` has counted."""
        if other.classes != self.classes:
            raise ValueError(f"other must have {self.classes} classes, got {other.classes}")
        self.confusion += other.confusion

    def reduce(self) -> Self:
        """A new metric with the counts of all ranks of torch.distributed; a copy where that is not in use.

        Every rank must call it.
        """
        total = type(self)(self.classes, ignore=self.ignore)
        total.confusion = sum_over_ranks(self.confusion)
        return total

    def per_class(self) -> tuple[float | None, ...]:
        """IoU of every class; None for a class absent from truth and prediction."""
        scores = class_iou(self.confusion)
        return tuple(None if score.isnan() else float(score) for score in scores)

    def compute(self, *, exclude: Collection[int] = ()) -> float:
        """Mean over the classes that occur, less those in `exclude`.

        Raises:
            ValueError: no class is left.
        """
        score = float(mean_iou(self.confusion, exclude=exclude))
        if score != score:
            raise ValueError(f"none of the {self.classes} classes has been seen, apart from exclude={exclude}")
        return score


def _check_labels(labels: torch.Tensor, classes: int, name: str) -> None:
    if labels.numel() == 0:
        return
    low, high = (int(value) for value in labels.aminmax())
    if low < 0 or high >= classes:
        raise ValueError(f"{name} must hold labels 0 to {classes - 1}, got {low if low < 0 else high}")


def _check_class(label: int, classes: int) -> None:
    if not 0 <= label < classes:
        raise ValueError(f"exclude must name classes 0 to {classes - 1}, got {label}")
