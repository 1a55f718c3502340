"""Frames with transparency, written to a video file or a folder of PNG images."""

from maskreel.animate.alpha_video._target import check_alpha_target
from maskreel.animate.alpha_video._writer import AlphaWriter

__all__ = ["AlphaWriter", "check_alpha_target"]
