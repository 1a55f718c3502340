"""How much the outline of a swapped subject shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maskreel.animate.metrics._checks import check_masks, check_pictures, unit
from maskreel.common.masks import feather

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["seam", "seam_sums"]

_SOFTNESS = 2.0
"""Pixels over which the composite fades."""


def seam(out: Tensor, animated: Tensor, backdrop: Tensor, subject: Tensor, where: Tensor) -> Tensor:
    """Mean steepness of each result in `where`, less that of a soft composite of the same subject and background.

    Steepness is |right neighbour - pixel| + |lower neighbour - pixel|, for values in [0, 1]. Above 0 the outline is
    hard or has a halo, below 0 it is blurred; 0 is as the composite M * animated + (1 - M) * backdrop, where M fades
    over 2 pixels outside the subject.

    Args:
        out: uint8 or float (N, 3, H, W).
        animated: the same shape and dtype.
        backdrop: the same shape and dtype.
        subject: bool (N, H, W).
        where: bool (N, H, W), the band along the outline.

    Returns:
        float64 (N,); nan where the band is empty.
    """
    check_pictures(out, "out")
    check_pictures(animated, "animated", out)
    check_pictures(backdrop, "backdrop", out)
    check_masks(subject, "subject", out)
    check_masks(where, "where", out)
    over, under = seam_sums(out, animated, backdrop, subject, where)
    return over / under


def seam_sums(out: Tensor, animated: Tensor, backdrop: Tensor, subject: Tensor, where: Tensor) -> tuple[Tensor, Tensor]:
    """Sums of what `seam` is the mean of, and numbers of values, float64 (N,) each."""
    cover = feather(subject, _SOFTNESS)[:, None]
    composite = cover * unit(animated) + (1 - cover) * unit(backdrop)
    excess = (_steepness(unit(out)) - _steepness(composite)).sum(1).double()
    return excess.where(where, 0).sum((-2, -1)), 3 * where.sum((-2, -1)).double()


def _steepness(pictures: Tensor) -> Tensor:
    steep = pictures.new_zeros(pictures.shape)
    steep[..., :-1] += (pictures[..., 1:] - pictures[..., :-1]).abs()
    steep[..., :-1, :] += (pictures[..., 1:, :] - pictures[..., :-1, :]).abs()
    return steep
