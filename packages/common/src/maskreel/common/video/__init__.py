"""Video in and out: frames as `Clip`, files and folders through PyAV."""

from maskreel.common.video._clip import Clip
from maskreel.common.video._folder import write_frames
from maskreel.common.video._info import ColorTags, VideoInfo
from maskreel.common.video._read import iterate, probe, read
from maskreel.common.video._segments import join_segments, write_segment
from maskreel.common.video._suffixes import IMAGE_SUFFIXES, VIDEO_SUFFIXES
from maskreel.common.video._target import check_target
from maskreel.common.video._write import VideoWriter, write

__all__ = [
    "IMAGE_SUFFIXES",
    "VIDEO_SUFFIXES",
    "Clip",
    "ColorTags",
    "VideoInfo",
    "VideoWriter",
    "check_target",
    "iterate",
    "join_segments",
    "probe",
    "read",
    "write",
    "write_frames",
    "write_segment",
]
