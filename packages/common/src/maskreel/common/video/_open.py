"""Opening a video file, with one sentence for everything that can be wrong with it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import av
import av.error
import av.logging
from av.stream import Disposition

from maskreel.common.errors import InputError
from maskreel.common.limits import MAX_PIXELS, check_pixels
from maskreel.common.video._cut import promised_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from av.container import InputContainer
    from av.video.stream import VideoStream


_VIDEO_FORMATS = (
    "3gp,apng,asf,av1,avi,dv,flv,gif,gxf,h261,h263,h264,hevc,ivf,live_flv,m4v,matroska,mjpeg,mov,mp4,mpeg,mpegts,"
    "mpegvideo,mxf,nut,obu,ogg,rm,vc1,vvc,webm,wtv,yuv4mpegpipe"
)
"""FFmpeg knows hundreds more. Among them are lists (hls, concat, dash, sdp), which make it open other files."""
_TOLD_APART = (
    "tty,image2,bmp_pipe,dpx_pipe,exr_pipe,gif_pipe,j2k_pipe,jpeg_pipe,jpegls_pipe,jpegxl_pipe,pam_pipe,pbm_pipe,"
    "pcx_pipe,pgm_pipe,png_pipe,ppm_pipe,psd_pipe,qoi_pipe,sgi_pipe,tiff_pipe,webp_pipe,"
    "aac,ac3,aiff,amr,au,caf,dts,eac3,flac,mp3,w64,wav"
)
"""Texts, pictures and sound, which are recognised to be refused in better words."""
OPTIONS = {
    "format_whitelist": f"{_VIDEO_FORMATS},{_TOLD_APART}",
    "protocol_whitelist": "file",
    "max_pixels": str(MAX_PIXELS),  # also for the frames that are decoded while the file is opened
}


@contextmanager
def open_video(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open a video file and its main video stream; InputError says what is wrong with the file."""
    _check_file(path)
    # Older torchvision turns it on. Closed while one of its threads logs, a decoder would wait for ever: the thread
    # waits for Python, and Python for the thread.
    av.logging.set_level(None)
    try:
        # absolute, so that "a:b.mp4" does not name a protocol
        container = av.open(str(path.absolute()), options=OPTIONS)
    except (av.error.FFmpegError, UnicodeError) as error:  # PyAV reads tags as UTF-8
        raise InputError(_why_unreadable(path)) from error
    with container:
        stream = _video_stream(container, path)
        context = stream.codec_context
        check_pixels(path, context.height, context.width)
        context.options = {"max_pixels": OPTIONS["max_pixels"]}  # a frame may be larger than its container says
        yield container, stream


def _check_file(path: Path) -> None:
    if not path.exists():
        raise InputError(f"{path} does not exist; give a video file or a folder of images")
    if not path.is_file():
        raise InputError(f"{path} is not a regular file; give a video file or a folder of images")
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty (0 bytes); give a video file")


def _why_unreadable(path: Path) -> str:
    actual, promised = path.stat().st_size, promised_bytes(path)
    if promised is not None and promised > actual:
        return f"{path} is cut off: only {actual} of its {promised} bytes are there; copy or download it again"
    return f"{path} is not a video that FFmpeg can read; give a file such as .mp4, .mkv or .avi"


def _video_stream(container: InputContainer, path: Path) -> VideoStream:
    name = container.format.name
    if name == "tty":  # FFmpeg plays any text file as the screen of an old terminal
        raise InputError(f"{path} is a text file, not a video; give a file such as .mp4, .mkv or .avi")
    if name == "image2" or name.endswith("_pipe"):
        raise InputError(f"{path} is a single image, not a video; give the folder that holds the images")
    for stream in container.streams.video:
        is_cover = stream.disposition & Disposition.attached_pic  # of a song
        if not is_cover and stream.codec_context is not None:
            return stream
    held = "sound but no video" if container.streams.audio else "no video that FFmpeg can decode"
    raise InputError(f"{path} holds {held}; give a file with a video stream")
