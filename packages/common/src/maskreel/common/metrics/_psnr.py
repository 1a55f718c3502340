"""Peak signal-to-noise ratio."""

from __future__ import annotations

import torch

from maskreel.common.metrics._checks import check_images, wide_dtype
from maskreel.common.metrics._pooled import PooledScore


def psnr(a: torch.Tensor, b: torch.Tensor, *, mask: torch.Tensor | None = None) -> torch.Tensor:
    """-10 log10 of the mean squared error of each image, for a data range of 1.

    The error is the mean over the pixels (of the mask, if given) and the three channels. The dtype fixes the range:
    uint8 counts from 0 to 255, float from 0 to 1.

    Args:
        a: uint8 or float (..., 3, H, W).
        b: the same shape and dtype.
        mask: bool, broadcasts to (..., H, W); only its pixels count.

    Returns:
        float64 (...), dB (float32 on MPS): inf for identical images, nan where the mask has no pixel.
    """
    totals, counts = _squared_error(a, b, mask)
    return _decibels(totals / counts)  # 0 / 0 is nan


class PSNR(PooledScore):
    """PSNR of a video or data set in chunks: `update` often, `compute` once.

    `compute` is the PSNR of the squared error pooled over all pixels counted, `frame_mean` the mean of the PSNR of the
    frames that have a pixel to count (the protocol of the video inpainting benchmarks; inf if one frame is perfect).
    """

    def update(self, a: torch.Tensor, b: torch.Tensor, *, mask: torch.Tensor | None = None) -> None:
        """Count frames; the inputs of `psnr`."""
        self._add(*_squared_error(a, b, mask))

    def _score(self, mean: torch.Tensor) -> torch.Tensor:
        return _decibels(mean)


def _squared_error(a: torch.Tensor, b: torch.Tensor, mask: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
    """The sum of squared errors in a range of 1 and the number of values that it has, both (...)."""
    check_images(a, b, mask)
    wide = wide_dtype(a.device)
    integers = a.dtype == torch.uint8
    error = (a.float() - b.float() if integers else a.to(wide) - b.to(wide)).square()
    if mask is None:
        totals = error.sum(dim=(-3, -2, -1), dtype=wide)
        counts = torch.full_like(totals, error.shape[-3:].numel())
    else:
        mask = mask.expand(a.shape[:-3] + a.shape[-2:])
        totals = error.sum(dim=-3).where(mask, 0).sum(dim=(-2, -1), dtype=wide)
        counts = 3 * mask.sum(dim=(-2, -1)).to(wide)
    return (totals / 255**2 if integers else totals), counts


def _decibels(mean: torch.Tensor) -> torch.Tensor:
    return -10 * mean.log10()
