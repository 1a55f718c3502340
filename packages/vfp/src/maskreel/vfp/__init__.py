"""Video frame prediction: from 11 frames to the 22nd frame and its mask.

Nothing of it is here yet: this release reserves the name and holds the version.
"""

from importlib.metadata import version

__all__ = ["__version__"]

__version__ = version("maskreel-vfp")
