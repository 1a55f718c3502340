"""From `Clip`s to the packets of one encoded video stream."""

from __future__ import annotations

from fractions import Fraction
from math import lcm
from typing import TYPE_CHECKING, Literal, Protocol

import av
import cv2
from av.video.reformatter import VideoReformatter

from maskreel.common.video._info import ColorTags
from maskreel.common.video._rgb import is_hd, other_matrix, scaler_matrix

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.container import OutputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

    from maskreel.common.video._clip import Clip
    from maskreel.common.video._info import VideoInfo

Preset = Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow"]

_BICUBIC, _ACCURATE = 0x4, 0x40000  # SWS_*, see libswscale/swscale.h
_LIMITED, _FULL = 1, 2
_BT709 = ColorTags(matrix=1, range=_LIMITED, primaries=1, transfer=1)
_BT601 = ColorTags(matrix=6, range=_LIMITED, primaries=6, transfer=6)
# x264's output depends on the number of threads, and by default that follows the number of cores
_THREADS = 6
_AVX_512F = 13  # cv::CpuFeatures
_OLDER_THAN_AVX_512 = "MMX2,SSE2Fast,SSSE3,SSE4.2,LZCNT,AVX,FMA3,BMI2,AVX2"


class Encoder(Protocol):
    """Encodes clips one after another; frames are placed at their own times minus `shift` seconds."""

    def encode(self, clip: Clip, shift: Fraction) -> Iterator[Packet]:
        """The packets that are ready."""
        ...

    def flush(self) -> Iterator[Packet]:
        """The packets that were held back."""
        ...


class H264Encoder:
    """H.264 by x264: yuv420p for even sizes, yuv444p for odd ones, which yuv420p cannot hold.

    Colours are tagged as `like` tags them, else as BT.709 from HD on and BT.601 below, and converted accordingly. The
    same frames give the same bytes, however many cores there are.
    """

    def __init__(
        self,
        container: OutputContainer,
        *,
        fps: Fraction,
        size: tuple[int, int],
        time_base: Fraction,
        crf: float,
        preset: Preset,
        like: VideoInfo | None,
        bframes: bool = True,
    ) -> None:
        options = {"crf": str(crf), "preset": preset, "x264-params": _parameters()} | ({} if bframes else {"bf": "0"})
        self._stream = _add_stream(container, "libx264", fps, size, time_base, options)
        self._stream.pix_fmt = "yuv420p" if size[0] % 2 == size[1] % 2 == 0 else "yuv444p"
        self._tags = _tags(size, like)
        self._matrix = scaler_matrix(self._tags.matrix, size)
        context = self._stream.codec_context
        context.colorspace, context.color_range = self._tags.matrix, self._tags.range
        context.color_primaries, context.color_trc = self._tags.primaries, self._tags.transfer
        if like is not None:
            context.sample_aspect_ratio = like.sample_aspect_ratio
        self._clock = Clock(time_base)
        self._scaler = VideoReformatter()

    def encode(self, clip: Clip, shift: Fraction) -> Iterator[Packet]:
        """The packets that are ready."""
        for frame in self._clock.frames(clip, shift):
            converted = self._scaler.reformat(
                frame,
                format=self._stream.pix_fmt,
                src_colorspace=other_matrix(self._matrix),
                dst_colorspace=self._matrix,
                src_color_range=_FULL,
                dst_color_range=_FULL if self._tags.range == _FULL else _LIMITED,
                interpolation=_BICUBIC | _ACCURATE,
            )
            converted.colorspace, converted.color_range = self._tags.matrix, self._tags.range
            yield from self._stream.encode(converted)

    def flush(self) -> Iterator[Packet]:
        """The packets that were held back."""
        yield from self._stream.encode()


def _parameters() -> str:
    # swscale puts chroma samples between the pixels; H.264 means the left ones unless told, and so do decoders
    chroma = "chromaloc=1"
    # with AVX-512 the macroblock tree of x264 now and then gives other bits for the same frames
    return f"{chroma}:asm={_OLDER_THAN_AVX_512}" if cv2.checkHardwareSupport(_AVX_512F) else chroma


class Ffv1Encoder:
    """FFV1 version 3 in RGB, every frame on its own, with checksums: what is read back is bit-identical."""

    def __init__(
        self,
        container: OutputContainer,
        *,
        fps: Fraction,
        size: tuple[int, int],
        time_base: Fraction,
    ) -> None:
        slices = "4" if min(size) >= 16 else "1"
        options = {"level": "3", "g": "1", "slices": slices, "slicecrc": "1"}
        self._stream = _add_stream(container, "ffv1", fps, size, time_base, options)
        self._stream.pix_fmt = "bgr0"
        self._clock = Clock(time_base)
        self._scaler = VideoReformatter()

    def encode(self, clip: Clip, shift: Fraction) -> Iterator[Packet]:
        """The packets that are ready."""
        for frame in self._clock.frames(clip, shift):
            yield from self._stream.encode(self._scaler.reformat(frame, format="bgr0"))

    def flush(self) -> Iterator[Packet]:
        """The packets that were held back."""
        yield from self._stream.encode()


class Clock:
    """Gives every frame its tick, and checks that time goes on."""

    def __init__(self, time_base: Fraction) -> None:
        self._time_base = time_base
        self._last: int | None = None

    def frames(self, clip: Clip, shift: Fraction) -> Iterator[av.VideoFrame]:
        """The frames of a clip in RGB, at their times minus `shift` seconds.

        Raises:
            ValueError: one is not later than the one before.
        """
        for pixels, time in zip(clip.numpy(), clip.times, strict=True):
            tick = round((time - shift) / self._time_base)
            if self._last is not None and tick <= self._last:
                raise ValueError(
                    f"clips must follow each other in time: a frame at {float(time):.6f} s came after one at "
                    f"{float(self._last * self._time_base + shift):.6f} s"
                )
            self._last = tick
            frame = av.VideoFrame.from_ndarray(pixels, "rgb24")
            frame.pts, frame.time_base = tick, self._time_base
            yield frame


def _add_stream(
    container: OutputContainer,
    codec: str,
    fps: Fraction,
    size: tuple[int, int],
    time_base: Fraction,
    options: dict[str, str],
) -> VideoStream:
    stream = container.add_stream(codec, rate=fps, options=options)
    assert isinstance(stream, av.VideoStream)
    stream.height, stream.width = size
    stream.codec_context.time_base = time_base
    stream.codec_context.thread_count = _THREADS
    return stream


def _tags(size: tuple[int, int], like: VideoInfo | None) -> ColorTags:
    if like is not None and like.colors.matrix != 0:
        return like.colors
    return _BT709 if is_hd(size) else _BT601


def check_crf(crf: float) -> None:
    """Raise ValueError unless x264 takes it."""
    if not 0 <= crf <= 51:
        raise ValueError(f"crf must be from 0 (best) to 51, got {crf}")


def fitting_time_base(clip: Clip, shift: Fraction, like: VideoInfo | None) -> Fraction:
    """Seconds of a tick such that the times of this clip and of the following ones are whole numbers of ticks."""
    if clip.timestamps is None:
        offset = (clip.start - shift) * clip.fps % 1 / clip.fps  # is the same for every later clip
        return 1 / clip.fps if offset == 0 else _tick(lcm(clip.fps.numerator, offset.denominator))
    if like is not None and like.variable_frame_rate:
        return like.time_base
    return _tick(lcm(90_000, *((time - shift).denominator for time in clip.timestamps)))


def _tick(per_second: int) -> Fraction:
    return Fraction(1, per_second if per_second < 2**31 else 90_000)  # containers store it in 31 or 32 bits
