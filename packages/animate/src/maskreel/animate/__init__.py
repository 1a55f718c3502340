"""A still picture moved by a driving video, before its own or another background."""

from importlib.metadata import version
from typing import TYPE_CHECKING

from maskreel.common.lazy import attach

if TYPE_CHECKING:
    from maskreel.animate.animator import ImageAnimator
    from maskreel.animate.config import AnimateConfig
    from maskreel.animate.running.result import AnimateResult, Summary

__all__ = ["AnimateConfig", "AnimateResult", "ImageAnimator", "Summary", "__version__"]

__version__ = version("maskreel-animate")


__getattr__ = attach(
    __name__,
    {
        "AnimateConfig": "config",
        "AnimateResult": "running.result",
        "ImageAnimator": "animator",
        "Summary": "running.result",
    },
)
