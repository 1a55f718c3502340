"""Frames with transparency as the packets of one video stream."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Literal

import av
from av.video.reformatter import VideoReformatter

from maskreel.common.atomic import atomic_path
from maskreel.common.video.encoding import Clock, Muxer, fitting_time_base, is_hd, open_output, other_matrix

if TYPE_CHECKING:
    from collections.abc import Iterator
    from fractions import Fraction
    from pathlib import Path

    from av.container import OutputContainer
    from av.packet import Packet
    from torch import Tensor

    from maskreel.common.video import Clip

__all__ = ["AlphaEncoder", "AlphaFile"]

AlphaCodec = Literal["prores", "vp9"]

_CODECS = {
    "prores": ("prores_ks", "yuva444p10le", {"profile": "4444", "vendor": "apl0"}),
    # players lose alpha and colours against each other where hidden frames (alt-ref) are allowed
    "vp9": ("libvpx-vp9", "yuva420p", {"crf": "18", "b": "0", "cpu-used": "4", "row-mt": "1", "auto-alt-ref": "0"}),
}
_BT709, _BT601 = 1, 6  # ITU-T H.273
_SWS_BT709, _SWS_BT601 = 1, 5  # SWS_CS_*
_BICUBIC, _ACCURATE = 0x4, 0x40000  # SWS_*, see libswscale/swscale.h
_LIMITED, _FULL = 1, 2
_THREADS = 6  # not the number of cores: output may depend on it


class AlphaEncoder:
    """ProRes 4444 (4:4:4, 10 bits, alpha to one level) or VP9 (4:2:0, alpha as a second stream in the same packets).

    Alpha is straight. Colours are tagged as BT.709 from HD on and as BT.601 below.
    """

    def __init__(
        self,
        container: OutputContainer,
        codec: AlphaCodec,
        *,
        fps: Fraction,
        size: tuple[int, int],
        time_base: Fraction,
    ) -> None:
        name, pixels, options = _CODECS[codec]
        stream = container.add_stream(name, rate=fps, options=options)
        assert isinstance(stream, av.VideoStream)
        stream.height, stream.width = size
        stream.pix_fmt = pixels
        context = stream.codec_context
        context.time_base, context.thread_count = time_base, _THREADS
        self._tag, self._matrix = (_BT709, _SWS_BT709) if is_hd(size) else (_BT601, _SWS_BT601)
        context.colorspace = context.color_primaries = context.color_trc = self._tag
        context.color_range = _LIMITED
        self._stream, self._scaler, self._clock = stream, VideoReformatter(), Clock(time_base)

    def encode(self, frames: Tensor, clip: Clip, shift: Fraction) -> Iterator[Packet]:
        """The packets that are ready: of uint8 (N, 4, H, W), shown at the times of `clip` minus `shift` seconds."""
        pixels = frames.permute(0, 2, 3, 1).contiguous().cpu().numpy()
        for picture, timed in zip(pixels, self._clock.frames(clip, shift), strict=True):
            converted = self._scaler.reformat(
                av.VideoFrame.from_ndarray(picture, "rgba"),
                format=self._stream.pix_fmt,
                src_colorspace=other_matrix(self._matrix),
                dst_colorspace=self._matrix,
                src_color_range=_FULL,
                dst_color_range=_LIMITED,
                interpolation=_BICUBIC | _ACCURATE,
            )
            converted.pts, converted.time_base = timed.pts, timed.time_base
            converted.colorspace, converted.color_range = self._tag, _LIMITED
            yield from self._stream.encode(converted)

    def flush(self) -> Iterator[Packet]:
        """The packets that were held back."""
        yield from self._stream.encode()


class AlphaFile:
    """A video file with alpha, and beside it the sound and subtitles of another.

    Args:
        path: of the file, which appears when `files` closes well.
        codec: as for `AlphaEncoder`.
        source: of the copied streams.
        files: closes what is opened here.
    """

    def __init__(self, path: Path, codec: AlphaCodec, source: Path | None, files: ExitStack) -> None:
        self._codec: AlphaCodec = codec
        self._source, self._suffix = source, path.suffix.lower()
        scratch = files.enter_context(atomic_path(path))
        self._container = files.enter_context(open_output(scratch))
        self._sources = files.enter_context(ExitStack())
        self._encoder: AlphaEncoder | None = None

    def write(self, frames: Tensor, clip: Clip) -> None:
        """Encode uint8 (N, 4, H, W), shown at the times of `clip`."""
        encoder = self._encoder or self._begin(clip)
        for packet in encoder.encode(frames, clip, self._muxer.shift):
            self._muxer.write(packet)
        self._last = clip.times[-1]

    def _begin(self, clip: Clip) -> AlphaEncoder:
        """Set up the streams, now that the time of the first frame is known."""
        self._muxer = Muxer(self._container, self._source, clip.times[0])
        time_base = fitting_time_base(clip, self._muxer.shift, None)
        self._encoder = AlphaEncoder(self._container, self._codec, fps=clip.fps, size=clip.size, time_base=time_base)
        self._muxer.add_copied_streams(self._suffix)
        self._sources.callback(self._muxer.close)
        return self._encoder

    def finish(self) -> None:
        """Write what was held back."""
        assert self._encoder is not None
        for packet in self._encoder.flush():
            self._muxer.write(packet)
        self._muxer.finish(self._last)
