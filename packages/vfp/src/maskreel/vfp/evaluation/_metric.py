"""The score of forecast label maps: one pinned definition, and the others by their names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import torch

from maskreel.common.metrics import bootstrap_interval, class_iou, confusion_matrix, mean_iou, sum_over_ranks
from maskreel.vfp.timeline import CLASSES

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ForecastMetric", "ForecastScore", "Interval"]

Interval = tuple[float, float]
"""Lower and upper end."""


@dataclass(frozen=True)
class ForecastScore:
    """One forecaster on one set of clips. Numbers of different names may not be compared."""

    clips: int
    iou: float
    """The score. One confusion matrix of all pixels of all clips; IoU of each of the 49 classes, background included;
    mean over those that occur in truth or forecast."""
    interval: Interval
    """95 % of `iou` when the clips are drawn again (bootstrap)."""
    iou_clip: float
    """Mean over clips of the mean IoU over the classes that occur in the clip."""
    iou_clip_absent_zero: float
    """Mean over clips and all 49 classes, where a class that does not occur in the clip counts as 0."""
    iou_foreground: float | None
    """As `iou` without the background; None where truth and forecast hold no object."""
    per_class: tuple[float | None, ...]
    """IoU of each class over all clips; None for classes that do not occur."""


class ForecastMetric:
    """IoU of forecast label maps over a set of clips: `update` often, `compute` once.

        metric = ForecastMetric()
        for prediction, truth in clips:
            metric.update(prediction, truth)
        metric.reduce().compute().iou

    It keeps one confusion matrix for every clip, 10 kB each.
    """

    def __init__(self) -> None:
        self._confusions: list[torch.Tensor] = []

    def __len__(self) -> int:
        """How many clips have been counted."""
        return len(self._confusions)

    @property
    def confusions(self) -> torch.Tensor:
        """int32 (clips, 49, 49) on the CPU, rows = truth, columns = forecast, in the order of the updates."""
        if not self._confusions:
            return torch.zeros(0, CLASSES, CLASSES, dtype=torch.int32)
        return torch.stack(self._confusions)

    def update(self, prediction: torch.Tensor, truth: torch.Tensor) -> None:
        """Count clips.

        Args:
            prediction: uint8 (H, W) class ids 0 to 48, or (B, H, W) for B clips.
            truth: uint8, the same shape.
        """
        for name, labels in (("prediction", prediction), ("truth", truth)):
            if labels.dtype != torch.uint8:
                raise TypeError(f"{name} must be uint8, got {labels.dtype}")
            if labels.ndim not in (2, 3) or 0 in labels.shape:
                raise ValueError(f"{name} must have shape (H, W) or (B, H, W), got {tuple(labels.shape)}")
        if prediction.shape != truth.shape:
            raise ValueError(
                f"prediction and truth must have one shape, got {tuple(prediction.shape)} and {tuple(truth.shape)}"
            )
        plane = prediction.shape[-2:]
        pairs = zip(prediction.reshape(-1, *plane), truth.reshape(-1, *plane), strict=True)
        # all of them before the first is kept: a bad label leaves the metric as it was
        self._confusions += [confusion_matrix(ours, theirs, CLASSES).to("cpu", torch.int32) for ours, theirs in pairs]

    def merge(self, other: ForecastMetric) -> None:
        """Add the clips of `other` behind those of this metric."""
        self._confusions += list(other._confusions)

    def reduce(self) -> Self:
        """A new metric with the clips of all ranks of torch.distributed, in the order of the ranks.

        Every rank must call it. Where torch.distributed is not in use it is a copy.
        """
        total = type(self)()
        total._confusions = list(_gather(self.confusions))
        return total

    def compute(self, *, resamples: int = 1000, seed: int = 0) -> ForecastScore:
        """The scores.

        Args:
            resamples: Draws of clips for the interval.
            seed: Of these draws.

        Raises:
            ValueError: No clip has been counted.
        """
        self._require_clips()
        confusions = self.confusions
        pooled = confusions.sum(0)
        per_clip = class_iou(confusions)
        foreground = mean_iou(pooled, exclude={0})
        return ForecastScore(
            clips=len(self),
            iou=float(mean_iou(pooled)),
            interval=bootstrap_interval(_iou_of_draws(confusions), len(self), resamples=resamples, seed=seed),
            iou_clip=float(per_clip.nanmean(-1).mean()),
            iou_clip_absent_zero=float(per_clip.nan_to_num(0.0).mean()),
            iou_foreground=None if foreground.isnan() else float(foreground),
            per_class=tuple(None if one.isnan() else float(one) for one in class_iou(pooled)),
        )

    def of_clips(self) -> torch.Tensor:
        """`iou_clip` before the mean, float64 (clips,): tells good clips from bad ones."""
        return mean_iou(self.confusions)

    def iou_batch(self, batch: int) -> float:
        """Mean over batches of the IoU pooled in each; the last batch may be smaller.

        Depends on the batch size and on the order of the clips, so it is good only for comparison with a number that
        was made in the same way.
        """
        self._require_clips()
        if batch < 1:
            raise ValueError(f"batch must be 1 or more, got {batch}")
        return float(torch.stack([mean_iou(part.sum(0)) for part in self.confusions.split(batch)]).mean())

    def gain_over(self, other: ForecastMetric, *, resamples: int = 1000, seed: int = 0) -> tuple[float, Interval]:
        """`iou` less that of another forecaster on the same clips in the same order, and the 95 % interval of it.

        Both are scored on the same draws, so that what is hard about a clip, which both suffer from, falls out.
        """
        self._require_clips()
        if len(other) != len(self):
            raise ValueError(f"other must have counted the same {len(self)} clips, got {len(other)}")
        ours, theirs = self.confusions, other.confusions
        of_ours, of_theirs = _iou_of_draws(ours), _iou_of_draws(theirs)
        gain = float(mean_iou(ours.sum(0)) - mean_iou(theirs.sum(0)))
        return gain, bootstrap_interval(
            lambda counts: of_ours(counts) - of_theirs(counts), len(self), resamples=resamples, seed=seed
        )

    def _require_clips(self) -> None:
        if not self._confusions:
            raise ValueError("ForecastMetric has counted no clip: call update first")


def _iou_of_draws(confusions: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
    """The pinned score of each draw of clips, for `bootstrap_interval`: mean IoU over the classes that occur in it.

    Pixels of one clip depend on each other, clips do not; so clips are drawn, their matrices (N, classes, classes)
    added up and scored again. IoU needs only row sums, column sums and diagonals, so all draws together are one product
    of matrices.

    A draw has fewer different clips than the set, hence fewer of the rare classes; so with few clips the draws lie
    above the score, and the interval reaches farther up than down.
    """
    diagonals = confusions.diagonal(dim1=-2, dim2=-1)
    # at most 2 ** 53 pixels: float64 adds them up exactly
    hits, union = diagonals.double(), (confusions.sum(-1) + confusions.sum(-2) - diagonals).double()
    return lambda counts: ((counts @ hits) / (counts @ union)).nanmean(-1)


def _gather(confusions: torch.Tensor) -> torch.Tensor:
    """The matrices of all ranks: every rank puts its own into a place of the whole, then they are added up."""
    from torch import distributed

    if not (distributed.is_available() and distributed.is_initialized()):
        return confusions.clone()
    rank = distributed.get_rank()
    counts = torch.zeros(distributed.get_world_size(), dtype=torch.int64)
    counts[rank] = len(confusions)
    counts = sum_over_ranks(counts)
    start = int(counts[:rank].sum())
    whole = confusions.new_zeros(int(counts.sum()), *confusions.shape[1:])
    whole[start : start + len(confusions)] = confusions
    return sum_over_ranks(whole)
