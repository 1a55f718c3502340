"""Region similarity of masks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maskreel.common.metrics._checks import check_masks, wide_dtype

if TYPE_CHECKING:
    import torch


def iou(a: torch.Tensor, b: torch.Tensor, *, ignore: torch.Tensor | None = None) -> torch.Tensor:
    """Intersection over union of each mask, the Jaccard index J of DAVIS.

    Two empty masks agree: 1. (Perazzi et al., "A Benchmark Dataset and Evaluation Methodology for Video Object
    Segmentation", CVPR 2016.)

    Args:
        a: bool (..., H, W).
        b: bool, the same shape.
        ignore: bool, broadcasts to `a`; True where no pixel counts (void).

    Returns:
        float64 (...), one value in [0, 1] per mask (float32 on MPS).
    """
    check_masks(a, b, ignore, ("a", "b"))
    if ignore is not None:
        a, b = a & ~ignore, b & ~ignore
    intersection = (a & b).sum(dim=(-2, -1))
    union = (a | b).sum(dim=(-2, -1))
    ratio = intersection.to(wide_dtype(a.device)) / union.clamp(min=1)
    return ratio.masked_fill(union == 0, 1.0)
