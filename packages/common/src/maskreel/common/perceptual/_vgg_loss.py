"""The perceptual loss of the first-order motion model: VGG-19 features at several sizes."""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from maskreel.common.perceptual._feature_loss import FeatureLoss
from maskreel.common.perceptual._shrink import SmoothShrink
from maskreel.common.perceptual._vgg_layers import SLICE_ENDS, random_layers
from maskreel.common.perceptual._vgg_weights import load_layers

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence
    from typing import Self

__all__ = ["VGG3", "VGG5", "VggLoss"]

VGG3 = (10.0, 10.0, 10.0, 0.0, 0.0)
"""Weights of the slices as published for VoxCeleb: ReLU 1_1, 2_1 and 3_1."""
VGG5 = (10.0, 10.0, 10.0, 10.0, 10.0)
"""Weights of the slices as published for Tai-Chi-HD and BAIR: all five."""

_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class VggLoss(FeatureLoss):
    """Weighted mean absolute differences of VGG-19 features of a pyramid of pictures (Siarohin et al. 2019).

    The features are those of ReLU 1_1, 2_1, 3_1, 4_1 and 5_1, of pictures normalised as for ImageNet, in full size
    and `factors` times smaller by `SmoothShrink`. VGG is frozen. What has weight 0, and the layers that only it would
    need, is not there. Under autocast the pyramid and the means stay float32. Channels-last weights
    (`loss.to(memory_format=torch.channels_last)`) give the same; on a CPU they were no faster.

    Args:
        layers: of VGG-19, numbered as torchvision's `features`; copied as far as they are needed.
        slice_weights: for 1 to 5 slices, `VGG3` or `VGG5` as published.
        factors: how many times smaller the levels of the pyramid are.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self, layers: nn.Sequential, slice_weights: Sequence[float] = VGG3, *, factors: Sequence[int] = (1, 2, 4, 8)
    ) -> None:
        super().__init__()
        depth = _slices_needed(slice_weights)
        if not factors:
            raise ValueError("factors must be one or more, got none")
        if len(layers) < SLICE_ENDS[depth - 1]:
            raise ValueError(f"layers must be {SLICE_ENDS[depth - 1]} or more for {depth} slices, got {len(layers)}")
        self._ends = {end: weight for end, weight in zip(SLICE_ENDS, slice_weights, strict=False) if weight}
        self.layers = copy.deepcopy(layers[: SLICE_ENDS[depth - 1]]).requires_grad_(False)
        self.levels = nn.ModuleList(SmoothShrink(factor) for factor in factors)
        self.weights = tuple(self._ends.values()) * len(self.levels)
        self._smallest = max(factors) * 2 ** (depth - 1)
        for name, values in (("mean", _MEAN), ("std", _STD)):
            self.register_buffer(name, torch.tensor(values).reshape(3, 1, 1), persistent=False)

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        slice_weights: Sequence[float] = VGG3,
        *,
        factors: Sequence[int] = (1, 2, 4, 8),
    ) -> Self:
        """With the weights of a file: torchvision's vgg19-dcbb9e9d.pth or what `slim_vgg` made of it.

        Raises:
            InputError: The file is not one of these, or holds fewer slices.
        """
        return cls(load_layers(path, _slices_needed(slice_weights)), slice_weights, factors=factors)

    @classmethod
    def random(
        cls, seed: int = 0, slice_weights: Sequence[float] = VGG3, *, factors: Sequence[int] = (1, 2, 4, 8)
    ) -> Self:
        """With random weights, for want of trained ones: edges and colours count, what pictures show does not.

        The same seed gives the same loss on every machine; torch's global random numbers stay as they are.
        """
        return cls(random_layers(_slices_needed(slice_weights), seed), slice_weights, factors=factors)

    def features(self, images: Tensor) -> list[Tensor]:
        """Those with a weight, for each level.

        Raises:
            ValueError: `images` are not (N, 3, H, W), or so small that nothing would be left of the smallest level.
        """
        if images.dim() != 4 or images.shape[1] != 3 or min(images.shape[-2:]) < self._smallest:
            raise ValueError(
                f"images must be (N, 3, H, W) with H and W of {self._smallest} or more, got {tuple(images.shape)}"
            )
        with torch.autocast(images.device.type, enabled=False):
            images = images.to(self.mean.dtype)
            levels = [(shrink(images) - self.mean) / self.std for shrink in self.levels]
        return [feature for level in levels for feature in self._of_level(level)]

    def _of_level(self, features: Tensor) -> list[Tensor]:
        found = []
        for number, layer in enumerate(self.layers, start=1):
            features = layer(features)
            if number in self._ends:
                found.append(features)
        return found


def _slices_needed(weights: Sequence[float]) -> int:
    """Up to the last one with a weight."""
    fine = len(weights) <= len(SLICE_ENDS) and all(math.isfinite(weight) and weight >= 0 for weight in weights)
    if not fine or not any(weights):
        raise ValueError(
            f"slice_weights must be 1 to {len(SLICE_ENDS)} numbers of 0 or more, one of them above 0, "
            f"got {tuple(weights)}"
        )
    return max(number for number, weight in enumerate(weights, start=1) if weight)
