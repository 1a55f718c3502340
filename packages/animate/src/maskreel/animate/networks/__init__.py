"""The networks of "Image Animation with Perturbed Masks", named as in the paper, and those of the background swap."""

from maskreel.animate.networks.high_resolution import HighResolution
from maskreel.animate.networks.low_resolution import LowResolution
from maskreel.animate.networks.mask_generator import MaskGenerator
from maskreel.animate.networks.mask_refiner import MaskRefiner

__all__ = ["HighResolution", "LowResolution", "MaskGenerator", "MaskRefiner"]
