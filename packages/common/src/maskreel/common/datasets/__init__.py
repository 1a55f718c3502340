"""Data sets on disk: DAVIS, the vfp data set, and folders of videos."""

from maskreel.common.datasets._davis import Davis
from maskreel.common.datasets._davis_sequence import DavisSequence
from maskreel.common.datasets._vfp_arrays import LazyArray, Pixels, lazy_arrays
from maskreel.common.datasets._vfp_folder import VfpFolder
from maskreel.common.datasets._vfp_listing import holds_videos, observed_videos
from maskreel.common.datasets._vfp_sequence import VfpFault, VfpSequence, VfpSplit
from maskreel.common.datasets._video_folder import VideoFolder, VideoSequence

__all__ = [
    "Davis",
    "DavisSequence",
    "LazyArray",
    "Pixels",
    "VfpFault",
    "VfpFolder",
    "VfpSequence",
    "VfpSplit",
    "VideoFolder",
    "VideoSequence",
    "holds_videos",
    "lazy_arrays",
    "observed_videos",
]
