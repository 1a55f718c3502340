"""Contour accuracy of masks."""

from __future__ import annotations

import math

import numpy as np
import torch

from maskreel.common.metrics._checks import check_masks, wide_dtype


def contour_f(
    pred: torch.Tensor, truth: torch.Tensor, *, bound: float = 0.008, ignore: torch.Tensor | None = None
) -> torch.Tensor:
    """F-measure of the contour of each mask, the boundary F of DAVIS.

    A contour pixel is a hit if the other contour has a pixel within the bound. Precision is the share of hits in the
    contour of `pred`, recall in that of `truth`, F their harmonic mean. Two masks without a contour: 1; one: 0. A pixel
    belongs to the contour if its right, lower or lower right neighbour differs, so the frame's edge is no contour.
    (Perazzi et al., CVPR 2016; the definition of the davis2017-evaluation package.)

    Args:
        pred: bool (..., H, W).
        truth: bool, the same shape.
        bound: the largest distance of a hit; below 1 a fraction of the image diagonal, rounded up to whole pixels,
            else pixels.
        ignore: bool, broadcasts to `pred`; void pixels, taken as background in both masks.

    Returns:
        float64 (...), one value in [0, 1] per mask (float32 on MPS), on the device of `pred`. Computed on the CPU.
    """
    check_masks(pred, truth, ignore, ("pred", "truth"))
    if not bound > 0:
        raise ValueError(f"bound must be above 0, got {bound}")
    if ignore is not None:
        pred, truth = pred & ~ignore, truth & ~ignore
    height, width = pred.shape[-2:]
    radius = bound if bound >= 1 else math.ceil(bound * math.hypot(height, width))
    pairs = zip(*(mask.reshape(-1, height, width).cpu().numpy() for mask in (pred, truth)), strict=True)
    scores = [_f_measure(_contour(p), _contour(t), radius) for p, t in pairs]
    return torch.tensor(scores, dtype=wide_dtype(pred.device), device=pred.device).reshape(pred.shape[:-2])


def _contour(mask: np.ndarray) -> np.ndarray:
    """Pixels that differ from their right, lower or lower right neighbour; beyond the frame nothing differs."""
    contour = np.zeros_like(mask)
    contour[:, :-1] |= mask[:, :-1] ^ mask[:, 1:]
    contour[:-1] |= mask[:-1] ^ mask[1:]
    contour[:-1, :-1] |= mask[:-1, :-1] ^ mask[1:, 1:]
    return contour


def _f_measure(pred: np.ndarray, truth: np.ndarray, radius: float) -> float:
    if not pred.any() or not truth.any():
        return float(pred.any() == truth.any())
    pred, truth = _crop(pred, truth)
    precision = _hit_share(pred, truth, radius)
    recall = _hit_share(truth, pred, radius)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _hit_share(contour: np.ndarray, other: np.ndarray, radius: float) -> float:
    """The share of pixels of `contour` within `radius` of a pixel of `other`, both with a pixel at least."""
    import cv2

    distance = cv2.distanceTransform((~other).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    # squares of the distances between pixels are whole numbers: half a unit swallows every rounding error
    hits = np.square(distance[contour]) <= math.floor(radius**2) + 0.5
    return float(hits.mean())


def _crop(pred: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both contours cut to the box that holds them: distances between their pixels stay the same."""
    either = pred | truth
    rows, columns = np.flatnonzero(either.any(axis=1)), np.flatnonzero(either.any(axis=0))
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return pred[box], truth[box]
