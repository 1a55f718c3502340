"""Text subtitles for MP4 and MOV."""

from __future__ import annotations

from typing import TYPE_CHECKING

from av.subtitles.stream import SubtitleStream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.container import OutputContainer
    from av.packet import Packet
    from av.stream import Stream
    from av.subtitles.codeccontext import SubtitleCodecContext

TEXT_CODECS = {"subrip", "ass", "webvtt", "text"}


class MovTextRoute:
    """Decodes text subtitles and encodes them as mov_text; needs PyAV 17, older ones raise AttributeError."""

    def __init__(self, stream: Stream, container: OutputContainer) -> None:
        assert isinstance(stream, SubtitleStream)
        assert stream.time_base is not None
        self._decoder: SubtitleCodecContext = stream.codec_context
        self._decoder.open(strict=False)
        self.stream: SubtitleStream = container.add_stream("mov_text")
        self.stream.time_base = stream.time_base
        self._encoder: SubtitleCodecContext = self.stream.codec_context
        self._encoder.time_base = stream.time_base
        self._encoder.subtitle_header = self._decoder.subtitle_header

    def packets(self, packet: Packet) -> Iterator[Packet]:
        """The packets to write for one that was read."""
        subtitle = self._decoder.decode2(packet)
        if subtitle is not None:
            text = self._encoder.encode_subtitle(subtitle)
            text.stream, text.time_base = self.stream, packet.time_base
            text.pts = text.dts = packet.pts
            text.duration = packet.duration
            yield text
