"""How near pictures are to the truth: everywhere, on the subject, beside it, and along its outline."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from maskreel.animate.metrics._checks import check_masks, check_pictures, unit
from maskreel.animate.metrics._regions import MARGIN, regions
from maskreel.animate.metrics._sums import Ratio
from maskreel.common.metrics import PSNR, SSIM, ms_ssim

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["L1", "PictureScore", "l1"]

_REGIONS = ("", "_foreground", "_background", "_boundary")
_LEAST_SIDE = 176
"""Pixels that `ms_ssim` asks for."""


def l1(a: Tensor, b: Tensor, *, mask: Tensor | None = None) -> Tensor:
    """Mean absolute difference of each picture for values in [0, 1], over pixels and channels.

    Args:
        a: uint8 or float (N, 3, H, W).
        b: the same shape and dtype.
        mask: bool (N, H, W); only its pixels count.

    Returns:
        float64 (N,); nan where the mask has no pixel.
    """
    over, under = _absolute(a, b, mask)
    return over / under


class L1:
    """L1 of a video in chunks: `update` often, `compute` once; all pixels count alike."""

    def __init__(self) -> None:
        self._sums = Ratio()

    def update(self, a: Tensor, b: Tensor, *, mask: Tensor | None = None) -> None:
        """Count pictures; the inputs of `l1`."""
        self._sums.add(*_absolute(a, b, mask))

    def compute(self) -> float:
        """nan if no pixel has been counted."""
        return self._sums.value


class PictureScore:
    """L1, PSNR, SSIM and MS-SSIM of a video in chunks, in bounded memory.

    `compute` gives `l1`, `psnr` (dB) and `ssim` of whole pictures, and each with `_foreground`, `_background` and
    `_boundary` behind its name, over the pixels of the region in all pictures. nan where a region never had a pixel;
    inf is the PSNR of equal pictures. `ms_ssim` is that of whole pictures alone: the mean over them, of pictures that
    are too small for its five scales with every pixel doubled until they are not.

    Args:
        margin: half the width of the boundary in pixels.
    """

    def __init__(self, *, margin: float = MARGIN) -> None:
        self._margin = margin
        self._l1 = {name: L1() for name in _REGIONS}
        self._psnr = {name: PSNR() for name in _REGIONS}
        self._ssim = {name: SSIM() for name in _REGIONS}
        self._ms_ssim = Ratio()

    def update(self, pictures: Tensor, truth: Tensor, subject: Tensor) -> None:
        """Count pictures.

        Args:
            pictures: uint8 or float (N, 3, H, W), 11 pixels or more each way.
            truth: the same shape and dtype.
            subject: bool (N, H, W), where the subject is in `truth`.
        """
        check_pictures(pictures, "pictures")
        check_pictures(truth, "truth", pictures)
        check_masks(subject, "subject", pictures)
        found = regions(subject, margin=self._margin)
        places: tuple[Tensor | None, ...] = (None, found.foreground, found.background, found.boundary)
        for name, mask in zip(_REGIONS, places, strict=True):
            self._l1[name].update(pictures, truth, mask=mask)
            self._psnr[name].update(pictures, truth, mask=mask)
            self._ssim[name].update(pictures, truth, mask=mask)
        if len(pictures):
            self._ms_ssim.add_values(ms_ssim(_enlarged(pictures), _enlarged(truth)))

    def compute(self) -> dict[str, float]:
        """All numbers by name."""
        return (
            {f"l1{name}": score.compute() for name, score in self._l1.items()}
            | {f"psnr{name}": _pooled(score) for name, score in self._psnr.items()}
            | {f"ssim{name}": _pooled(score) for name, score in self._ssim.items()}
            | {"ms_ssim": self._ms_ssim.value}
        )


def _enlarged(pictures: Tensor) -> Tensor:
    """With every pixel doubled each way until there are enough; the halves of `ms_ssim` are then the pictures again."""
    while min(pictures.shape[-2:]) < _LEAST_SIDE:
        pictures = pictures.repeat_interleave(2, -1).repeat_interleave(2, -2)
    return pictures


def _pooled(score: PSNR | SSIM) -> float:
    return score.compute() if score.frames else math.nan


def _absolute(a: Tensor, b: Tensor, mask: Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
    """Sums of differences and numbers of values, float64 (N,) each."""
    check_pictures(a, "a")
    check_pictures(b, "b", a)
    error = (unit(a) - unit(b)).abs().sum(1).double()
    if mask is None:
        return error.sum((-2, -1)), error.new_full((len(error),), 3 * error[0].numel() if len(error) else 0)
    check_masks(mask, "mask", a)
    return error.where(mask, 0).sum((-2, -1)), 3 * mask.sum((-2, -1)).double()
