"""`Occupancy`: where the objects of one clip will be, as probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Occupancy"]


@dataclass(frozen=True)
class Occupancy:
    """For every pixel of one frame, how probable each of N classes is; what is left to 1 is the background."""

    classes: tuple[int, ...]
    """Class ids from 1, each once."""
    probability: torch.Tensor
    """float32 (N, H, W) in [0, 1]; the sum over N is at most 1 in every pixel."""

    def __post_init__(self) -> None:
        if self.probability.ndim != 3 or len(self.probability) != len(self.classes):
            raise ValueError(
                f"probability must have shape (N, H, W) with N = {len(self.classes)} classes, "
                f"got {tuple(self.probability.shape)}"
            )
        if len(set(self.classes)) != len(self.classes) or any(not 0 < label < 256 for label in self.classes):
            raise ValueError(f"classes must be different ids from 1 to 255, got {self.classes}")

    @classmethod
    def of_labels(cls, labels: torch.Tensor) -> Self:
        """A label map, uint8 (H, W), as a certainty."""
        ids = tuple(int(label) for label in labels.unique() if label != 0)
        planes = [labels == label for label in ids]
        stack = torch.stack(planes) if planes else labels.new_zeros((0, *labels.shape), dtype=torch.bool)
        return cls(ids, stack.float())

    @classmethod
    def mean(cls, parts: Sequence[Self], weights: Sequence[float] | None = None) -> Self:
        """The mixture of several forecasts of one frame: of forecasters, of mirrored runs, of sampled futures."""
        if not parts:
            raise ValueError("parts must hold one or more forecasts, got none")
        shares = [1.0] * len(parts) if weights is None else list(weights)
        if len(shares) != len(parts) or min(shares) < 0 or sum(shares) == 0:
            raise ValueError(f"weights must be {len(parts)} numbers of 0 or more, not all 0, got {shares}")
        ids = tuple(sorted({label for part in parts for label in part.classes}))
        total = parts[0].probability.new_zeros((len(ids), *parts[0].probability.shape[-2:]))
        for part, share in zip(parts, shares, strict=True):
            rows = torch.tensor([ids.index(label) for label in part.classes], dtype=torch.int64)
            total.index_add_(0, rows, part.probability * (share / sum(shares)))
        return cls(ids, total)

    def likeliest(self) -> torch.Tensor:
        """The likeliest class of every pixel, uint8 (H, W), 0 where that is the background."""
        return self.above(None)

    def above(self, threshold: float | None) -> torch.Tensor:
        """The likeliest object class where its probability is `threshold` or more, uint8 (H, W), else 0.

        None stands for the probability of the background. To be scored by intersection over union, a mask should take
        in every pixel whose probability is more than IoU / (1 + IoU) of the best that can be had (Nowozin 2014,
        "Optimal Decisions from Probabilistic Models"), which is less than a half.
        """
        if threshold is not None and not 0 < threshold <= 1:
            raise ValueError(f"threshold must be in (0, 1], got {threshold}")
        labels = torch.zeros(self.probability.shape[-2:], dtype=torch.uint8)
        if not self.classes:
            return labels
        best, place = self.probability.max(0)
        least = 1 - self.probability.sum(0) if threshold is None else threshold
        ids = torch.tensor(self.classes, dtype=torch.uint8)
        return torch.where(best >= least, ids[place], labels)

    def mirrored(self) -> Self:
        """Left and right exchanged."""
        return type(self)(self.classes, self.probability.flip(-1))
