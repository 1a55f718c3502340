"""What all perceptual losses share: features of pictures, compared one by one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["FeatureLoss"]


class FeatureLoss(nn.Module, ABC):
    """The sum of weighted mean absolute differences of features. Pictures are float (N, 3, H, W) in [0, 1], RGB.

    truth = loss.target(target)             # once for all that is compared with it
    low, high = loss.each([low_picture, high_picture], truth)
    """

    weights: tuple[float, ...]
    """One for each feature."""

    @abstractmethod
    def features(self, images: Tensor) -> list[Tensor]:
        """Each (N, ...), as many as there are weights."""

    def target(self, images: Tensor) -> list[Tensor]:
        """Features of true pictures, without gradient."""
        with torch.no_grad():
            return self.features(images.detach())  # a feature may be the picture itself

    def forward(self, images: Tensor, target: Sequence[Tensor]) -> Tensor:
        """The loss of N pictures against the N of `target`, which is what the method of this name gave."""
        return self.each([images], target)[0]

    def each(self, pictures: Sequence[Tensor], target: Sequence[Tensor]) -> list[Tensor]:
        """The losses of several batches of pictures, all against the same target, in one pass."""
        sizes = [len(images) for images in pictures]
        parts = [feature.split(sizes) for feature in self.features(torch.cat(list(pictures)))]
        return [
            torch.stack(
                [
                    weight * (part[number].float() - true.float()).abs().mean()
                    for weight, part, true in zip(self.weights, parts, target, strict=True)
                ]
            ).sum()
            for number in range(len(pictures))
        ]
