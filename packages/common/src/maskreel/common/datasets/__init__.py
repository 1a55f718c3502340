"""Data sets on disk: DAVIS, and folders of videos."""

from maskreel.common.datasets._davis import Davis
from maskreel.common.datasets._davis_sequence import DavisSequence
from maskreel.common.datasets._video_folder import VideoFolder, VideoSequence

__all__ = ["Davis", "DavisSequence", "VideoFolder", "VideoSequence"]
