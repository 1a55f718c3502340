"""Masks to video frames, by inverting a Mask R-CNN."""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from maskreel.inversion.config import InversionConfig, Weights
    from maskreel.inversion.inverter import MaskInverter
    from maskreel.inversion.targets import FrameTarget

__all__ = ["FrameTarget", "InversionConfig", "MaskInverter", "Weights", "__version__"]

__version__ = version("maskreel-inversion")

_HOMES = {
    "FrameTarget": "targets",
    "InversionConfig": "config",
    "MaskInverter": "inverter",
    "Weights": "config",
}


def __getattr__(name: str) -> object:
    """Import what is asked for, so that the command line does not wait for torch."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
