"""Remove people and things from video."""

from importlib.metadata import version

__version__ = version("maskreel-inpaint")

from maskreel.inpaint.config import InpaintConfig
from maskreel.inpaint.inpainter import VideoInpainter
from maskreel.inpaint.result import InpaintResult, Summary
from maskreel.inpaint.segmenters.protocol import Segmenter

__all__ = ["InpaintConfig", "InpaintResult", "Segmenter", "Summary", "VideoInpainter", "__version__"]
