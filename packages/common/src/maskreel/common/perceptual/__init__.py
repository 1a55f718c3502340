"""Losses that compare pictures by features instead of pixels."""

from maskreel.common.perceptual._choice import LossName, perceptual_loss
from maskreel.common.perceptual._feature_loss import FeatureLoss
from maskreel.common.perceptual._pyramid_loss import PyramidLoss
from maskreel.common.perceptual._shrink import SmoothShrink
from maskreel.common.perceptual._vgg_loss import VGG3, VGG5, VggLoss
from maskreel.common.perceptual._vgg_weights import VGG19_WEIGHTS, slim_vgg

__all__ = [
    "VGG3",
    "VGG5",
    "VGG19_WEIGHTS",
    "FeatureLoss",
    "LossName",
    "PyramidLoss",
    "SmoothShrink",
    "VggLoss",
    "perceptual_loss",
    "slim_vgg",
]
