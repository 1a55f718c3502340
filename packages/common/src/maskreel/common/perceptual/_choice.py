"""A perceptual loss by its name, for commands."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from maskreel.common.errors import InputError
from maskreel.common.perceptual._pyramid_loss import PyramidLoss
from maskreel.common.perceptual._vgg_loss import VGG3, VGG5, VggLoss
from maskreel.common.perceptual._vgg_weights import VGG19_WEIGHTS

if TYPE_CHECKING:
    from maskreel.common.perceptual._feature_loss import FeatureLoss

__all__ = ["LossName", "perceptual_loss"]

LossName = Literal["vgg3", "vgg5", "pyramid", "random-vgg"]
"""VGG-19 with three or five slices as published; colours and edges; VGG-19 (three slices) with random weights."""


def perceptual_loss(name: LossName, weights: Path | None = None) -> FeatureLoss:
    """The loss of this name, on the CPU.

    Args:
        name: `vgg3` and `vgg5` need trained weights; the others need no file and are never chosen by themselves.
        weights: for `vgg3` and `vgg5`: vgg19-dcbb9e9d.pth or what `slim_vgg` made of it; None: the published file,
            downloaded once (575 MB).

    Raises:
        InputError: The weights cannot be had or are something else, or are given for a loss without any.
    """
    if name not in get_args(LossName):
        raise ValueError(f"name must be one of {', '.join(get_args(LossName))}, got {name!r}")
    if name in ("vgg3", "vgg5"):
        path = VGG19_WEIGHTS.fetch() if weights is None else Path(weights)
        return VggLoss.load(path, VGG3 if name == "vgg3" else VGG5)
    if weights is not None:
        raise InputError(f"{weights} is of no use to the loss {name}; weights are for vgg3 and vgg5")
    return PyramidLoss() if name == "pyramid" else VggLoss.random()
