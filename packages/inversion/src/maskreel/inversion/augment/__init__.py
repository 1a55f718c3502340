"""Random views of the optimised images, with the masks moved along."""

from maskreel.inversion.augment._augmentation import Augmentation
from maskreel.inversion.augment._draw import draw
from maskreel.inversion.settings import AugmentSettings

__all__ = ["AugmentSettings", "Augmentation", "draw"]
