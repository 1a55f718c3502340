"""What a video file says about itself, and its frames as RGB."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING

from maskreel.common.errors import InputError
from maskreel.common.video._decode import decode, naming_frame
from maskreel.common.video._info import ColorTags, VideoInfo
from maskreel.common.video._open import open_video
from maskreel.common.video._rgb import RgbConverter, display_matrix, rotation_of
from maskreel.common.video._timing import Timing, read_timing

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    import av
    import numpy as np
    from av.container import InputContainer
    from av.video.stream import VideoStream


class VideoFile:
    """A video file whose packets have been read once and found whole.

    Raises:
        InputError: the file is missing, empty, cut off, damaged, or holds no video.
    """

    def __init__(self, path: Path) -> None:
        state = path.stat() if path.is_file() else None
        self.info, self.timing = _inspect(path, state and (state.st_size, state.st_mtime_ns))

    def frames(self, start: int, stop: int | None) -> Generator[np.ndarray]:
        """Upright RGB uint8 (H, W, 3) of the frames `start` to `stop`; each is valid until the next is asked for."""
        to_rgb = RgbConverter()
        for offset, frame in enumerate(decode(self.info.path, self.timing, start, stop)):
            pixels = to_rgb(frame)
            if pixels.shape[:2] != self.info.size:
                raise InputError(
                    f"{self.info.path} changes its size at frame {start + offset}, from {_by(self.info.size)} to "
                    f"{_by(pixels.shape[:2])}; all frames must have one size"
                )
            yield pixels


def _by(size: tuple[int, ...]) -> str:
    return f"{size[1]}x{size[0]}"


# A job that works in segments opens the same file hundreds of times, and reading all packets takes seconds per hour.
@lru_cache(maxsize=16)
def _inspect(path: Path, _state: tuple[int, int] | None) -> tuple[VideoInfo, Timing]:
    with open_video(path) as (container, stream):
        timing = read_timing(container, stream, path)
    with open_video(path) as (container, stream), naming_frame(path, 0):
        frame = next(container.decode(stream), None)
        if frame is None:
            raise InputError(f"{path} holds no frame that can be decoded; give a whole video file")
        return _describe(path, container, stream, frame, timing), timing


def _describe(
    path: Path, container: InputContainer, stream: VideoStream, frame: av.VideoFrame, timing: Timing
) -> VideoInfo:
    matrix = display_matrix(frame)
    lying = matrix[0] == 0
    aspect = stream.sample_aspect_ratio or Fraction(1)
    return VideoInfo(
        path=path,
        size=(frame.width, frame.height) if lying else (frame.height, frame.width),
        fps=timing.fps,
        frame_count=None if timing.pts is None else len(timing.pts),
        duration=timing.duration,
        start=timing.start,
        variable_frame_rate=timing.variable,
        time_base=timing.time_base,
        codec=stream.codec.canonical_name,
        pixel_format=frame.format.name,
        rotation=rotation_of(matrix),
        sample_aspect_ratio=1 / aspect if lying else aspect,
        audio_streams=len(container.streams.audio),
        subtitle_streams=len(container.streams.subtitles),
        colors=_color_tags(stream, frame),
    )


def _color_tags(stream: VideoStream, frame: av.VideoFrame) -> ColorTags:
    context = stream.codec_context
    full = frame.format.is_rgb or frame.format.name.startswith("yuvj")
    return ColorTags(
        matrix=0 if frame.format.is_rgb else int(frame.colorspace),
        range=2 if full else int(frame.color_range),
        primaries=int(context.color_primaries),
        transfer=int(context.color_trc),
    )
