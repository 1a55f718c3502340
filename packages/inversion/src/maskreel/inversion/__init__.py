"""Masks to video frames, by inverting a Mask R-CNN.

Nothing of it is here yet: this release reserves the name and holds the version.
"""

from importlib.metadata import version

__all__ = ["__version__"]

__version__ = version("maskreel-inversion")
