"""Masks to video frames, by inverting a Mask R-CNN."""

from importlib.metadata import version
from typing import TYPE_CHECKING

from maskreel.common.lazy import attach

if TYPE_CHECKING:
    from maskreel.inversion.config import InversionConfig, Weights
    from maskreel.inversion.inverter import MaskInverter
    from maskreel.inversion.targets import FrameTarget

__all__ = ["FrameTarget", "InversionConfig", "MaskInverter", "Weights", "__version__"]

__version__ = version("maskreel-inversion")


__getattr__ = attach(
    __name__,
    {
        "FrameTarget": "targets",
        "InversionConfig": "config",
        "MaskInverter": "inverter",
        "Weights": "config",
    },
)
