"""A still picture moved by a driving video, before its own or another background.

Nothing of it is here yet: this release reserves the name and holds the version.
"""

from importlib.metadata import version

__all__ = ["__version__"]

__version__ = version("maskreel-animate")
