"""A loss without weights: colours and edges at several sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from maskreel.common.perceptual._feature_loss import FeatureLoss
from maskreel.common.perceptual._shrink import SmoothShrink

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["PyramidLoss"]


class PyramidLoss(FeatureLoss):
    """Mean absolute differences of pictures and of their horizontal and vertical gradients, over a pyramid.

    What stands in for VGG features where their weights are not to be had: it needs no download, but knows nothing of
    what pictures show, and blurs more.

    Args:
        factors: how many times smaller the levels of the pyramid are.
        weight: of every colour term.
        gradient: weight of every gradient term.
    """

    def __init__(self, factors: Sequence[int] = (1, 2, 4, 8), *, weight: float = 10.0, gradient: float = 10.0) -> None:
        super().__init__()
        self.levels = nn.ModuleList(SmoothShrink(factor) for factor in factors)
        self.weights = (weight, gradient, gradient) * len(self.levels)

    def features(self, images: Tensor) -> list[Tensor]:
        """Level, horizontal and vertical differences of neighbours, for each level."""
        found = []
        for shrink in self.levels:
            level = shrink(images)
            found += [level, level.diff(dim=-1), level.diff(dim=-2)]
        return found
