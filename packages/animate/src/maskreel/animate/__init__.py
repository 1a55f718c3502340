"""A still picture moved by a driving video, before its own or another background."""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from maskreel.animate.animator import ImageAnimator
    from maskreel.animate.config import AnimateConfig
    from maskreel.animate.result import AnimateResult, Summary

__all__ = ["AnimateConfig", "AnimateResult", "ImageAnimator", "Summary", "__version__"]

__version__ = version("maskreel-animate")

_HOMES = {
    "AnimateConfig": "config",
    "AnimateResult": "result",
    "ImageAnimator": "animator",
    "Summary": "result",
}


def __getattr__(name: str) -> object:
    """Import what is asked for, so that the command line does not wait for torch."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
