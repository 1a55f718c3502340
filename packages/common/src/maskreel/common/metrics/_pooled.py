"""Sums over all pixels of a video or data set, from which an image score is made once, at the end."""

from __future__ import annotations

from typing import Self

import torch

from maskreel.common.metrics._distributed import sum_over_ranks


class PooledScore:
    """Base of `PSNR` and `SSIM`: keeps the sum of a quantity over pixels, and the sum of the scores of frames."""

    def __init__(self) -> None:
        # the sum over pixels, the number of pixel values, the sum of the frames' scores, the number of frames
        self._sums = torch.zeros(4, dtype=torch.float64)

    @property
    def frames(self) -> int:
        """How many frames have been counted; a frame without a pixel in its mask is not."""
        return int(self._sums[3])

    def merge(self, other: Self) -> None:
        """Add what `other`, a metric of the same class, has counted."""
        if type(other) is not type(self):
            raise TypeError(f"other must be {type(self).__name__}, got {type(other).__name__}")
        self._sums += other._sums

    def reduce(self) -> Self:
        """A new metric with the sums of all ranks of torch.distributed; a copy where that is not in use.

        Every rank must call it.
        """
        total = type(self)()
        total._sums = sum_over_ranks(self._sums)
        return total

    def compute(self) -> float:
        """The score of all pixels pooled. Raises ValueError if none has been counted."""
        self._check_counted()
        return float(self._score(self._sums[0] / self._sums[1]))

    def frame_mean(self) -> float:
        """The mean of the scores of the frames, as benchmarks print it. Raises ValueError if none has been counted."""
        self._check_counted()
        return float(self._sums[2] / self._sums[3])

    def _add(self, totals: torch.Tensor, counts: torch.Tensor) -> None:
        """Count frames by their sums over pixels, both (...)."""
        totals, counts = (x.detach().flatten().cpu().double() for x in (totals, counts))
        totals, counts = totals[counts > 0], counts[counts > 0]
        scores = self._score(totals / counts)
        self._sums += torch.stack((totals.sum(), counts.sum(), scores.sum(), counts.new_tensor(len(counts))))

    def _score(self, mean: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError

    def _check_counted(self) -> None:
        if not self.frames:
            raise ValueError(
                f"{type(self).__name__} has counted no pixel: call update with frames, and masks that are not empty"
            )
