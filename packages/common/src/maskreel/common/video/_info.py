"""`VideoInfo`: what a file says about its video."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class ColorTags:
    """How colour numbers are meant, in the code points of ITU-T H.273, which FFmpeg uses too; 2 is "not said"."""

    matrix: int = 2
    """Matrix between RGB and YCbCr: 0 RGB itself, 1 BT.709, 5 and 6 BT.601, 9 BT.2020."""
    range: int = 0
    """1 limited (16 to 235), 2 full (0 to 255), 0 not said."""
    primaries: int = 2
    """Colours of the three primaries."""
    transfer: int = 2
    """Transfer characteristic ("gamma")."""


@dataclass(frozen=True)
class VideoInfo:
    """What a video file or a folder of images holds; everything about time comes from its packets, undecoded."""

    path: Path
    """The file or folder."""
    size: tuple[int, int]
    """(height, width) in pixels of the frames as they are read, upright."""
    fps: Fraction
    """Frames per second; the average where the rate varies."""
    frame_count: int | None
    """Number of frames; None if only decoding would tell (streams without timestamps, such as raw .h264)."""
    duration: Fraction | None
    """Seconds from the first frame to the end of the last one; None if the file does not tell."""
    start: Fraction
    """Seconds on the file's clock at which the first frame is shown; often 0."""
    variable_frame_rate: bool
    """True if the frames are not evenly spaced, beyond the rounding of timestamps."""
    time_base: Fraction
    """Seconds of one tick of the file's timestamps."""
    codec: str
    """FFmpeg's name of the codec, such as "h264" or "png"."""
    pixel_format: str
    """FFmpeg's name of the stored pixels, such as "yuv420p"."""
    rotation: int = 0
    """Degrees clockwise, 0, 90, 180 or 270, by which stored frames are turned to be upright; reading does it."""
    sample_aspect_ratio: Fraction = Fraction(1)
    """Width of a pixel divided by its height, upright."""
    audio_streams: int = 0
    """Number of audio streams."""
    subtitle_streams: int = 0
    """Number of subtitle streams."""
    colors: ColorTags = field(default_factory=ColorTags)
    """How the file tags its colours; pass the VideoInfo as `like` to write the same tags."""
