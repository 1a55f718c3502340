"""How a result is scored in the field's protocol: on whole frames as papers do, and in the holes alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from maskreel.common.metrics import flicker, psnr, ssim, warping_error

if TYPE_CHECKING:
    from _protocol_clips import Case

__all__ = ["SCORES", "composite", "score_case"]

_BEST_DB = 60.0  # a frame without an error has no PSNR; errors that rounding alone explains have 59

SCORES = ("PSNR", "SSIM", "E_warp", "hole PSNR", "hole SSIM", "hole E_warp", "flicker")
"""The names of the figures, in order."""


def composite(case: Case, filled: np.ndarray) -> np.ndarray:
    """The fill in the holes, the source elsewhere."""
    return np.where(case.masks[..., None], filled, case.source)


def score_case(case: Case, result: np.ndarray) -> dict[str, float]:
    """The figures of a composited result.

    PSNR and SSIM (65x65 flat window, mean of the channels) are means over the frames; hole PSNR is of the squared error
    pooled over the video, in dB. E_warp is times 100. Flicker is the mean change between frames in the holes that the
    truth does not show, in grey levels.
    """
    ours, truth = (torch.from_numpy(np.ascontiguousarray(x)).permute(0, 3, 1, 2) for x in (result, case.truth))
    holes = torch.from_numpy(case.masks)
    window = {"window": 65, "sigma": None}
    squared = 10 ** (-psnr(ours, truth, mask=holes) / 10)
    pixels = holes.sum(dim=(1, 2))
    pooled = (squared * pixels).nansum() / pixels.sum()
    return {
        "PSNR": float(psnr(ours, truth).clamp(max=_BEST_DB).mean()),
        "SSIM": float(ssim(ours, truth, **window).mean()),
        "E_warp": 100 * float(warping_error(ours, case.flow, case.occluded).nanmean()),
        "hole PSNR": float((-10 * pooled.log10()).clamp(max=_BEST_DB)),
        "hole SSIM": float(ssim(ours, truth, mask=holes, **window).nanmean()),
        "hole E_warp": 100 * float(warping_error(ours, case.flow, case.occluded | ~holes[:-1]).nanmean()),
        "flicker": float(flicker(ours, holes, reference=truth).nanmean()),
    }
