"""Audio and subtitle streams, copied packet by packet from another file."""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction
from typing import TYPE_CHECKING

import av
import av.error

from maskreel.common.errors import InputError
from maskreel.common.video._open import OPTIONS
from maskreel.common.video._subtitles import TEXT_CODECS, MovTextRoute

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from av.container import OutputContainer
    from av.packet import Packet
    from av.stream import Stream


class StreamCopier:
    """The audio and subtitle streams of `source`, added to `container` and read in step with the video.

    Text subtitles become mov_text in MP4 and MOV, which hold no other kind.

    Raises:
        InputError: the container cannot hold one of the streams.
    """

    def __init__(self, source: Path, container: OutputContainer, suffix: str) -> None:
        self._source = source
        try:
            self._input = av.open(str(source.absolute()), options=OPTIONS)
        except (av.error.FFmpegError, UnicodeError) as error:
            raise InputError(f"{source} cannot be read for its audio and subtitles: {error}") from error
        streams = [*self._input.streams.audio, *self._input.streams.subtitles]
        try:
            self._routes = {stream.index: _route(stream, container, source, suffix) for stream in streams}
        except InputError:
            self._input.close()
            raise
        self._packets = self._input.demux(streams) if streams else iter(())
        self._waiting: Packet | None = None
        self._begin: Fraction | None = None
        self._shift = Fraction(0)

    def cut(self, begin: Fraction) -> None:
        """Leave out what comes before `begin` seconds, and let the copy begin at zero there."""
        self._begin = self._shift = begin
        with suppress(av.error.FFmpegError):  # without an index the packets before are read and left out
            self._input.seek(int(begin * av.time_base))

    def until(self, time: Fraction | None) -> Iterator[Packet]:
        """The packets up to `time` seconds of the new file; all that are left for None."""
        while (packet := self._waiting or self._next()) is not None:
            self._waiting = packet
            if time is not None and _seconds(packet) - self._shift > time:
                return
            self._waiting = None
            if self._begin is None or _seconds(packet) >= self._begin:
                yield from self._routes[packet.stream.index].packets(shifted(packet, self._shift))

    def _next(self) -> Packet | None:
        try:
            return next((p for p in self._packets if p.size and (p.pts is not None or p.dts is not None)), None)
        except av.error.FFmpegError as error:
            raise InputError(f"{self._source} has a damaged audio or subtitle stream: {error.strerror}") from error

    def close(self) -> None:
        """Close the source."""
        self._input.close()


def _seconds(packet: Packet) -> Fraction:
    tick = packet.dts if packet.pts is None else packet.pts
    assert tick is not None
    return tick * packet.time_base


def shifted(packet: Packet, seconds: Fraction) -> Packet:
    """The packet, `seconds` earlier."""
    ticks = round(seconds / packet.time_base)
    packet.pts = None if packet.pts is None else packet.pts - ticks
    packet.dts = None if packet.dts is None else packet.dts - ticks
    return packet


class CopyRoute:
    """Packets go into the other container as they are."""

    def __init__(self, stream: Stream, container: OutputContainer) -> None:
        self.stream = container.add_stream_from_template(stream)
        self.stream.time_base = stream.time_base

    def packets(self, packet: Packet) -> Iterator[Packet]:
        """The packets to write for one that was read."""
        packet.stream = self.stream
        yield packet


def _route(stream: Stream, container: OutputContainer, source: Path, suffix: str) -> CopyRoute | MovTextRoute:
    codec = stream.codec_context.codec.canonical_name if stream.codec_context else "unknown"
    try:
        if suffix != ".mkv" and codec in TEXT_CODECS:
            route = MovTextRoute(stream, container)
        else:
            route = CopyRoute(stream, container)
    except (ValueError, AttributeError) as error:
        way_out = "write without copied streams" if suffix == ".mkv" else "write to .mkv"
        raise InputError(
            f"{source} holds {codec} {stream.type}, which {suffix} files cannot hold; {way_out}"
        ) from error
    for key in ("language", "title"):
        if key in stream.metadata:
            route.stream.metadata[key] = stream.metadata[key]
    route.stream.disposition = stream.disposition.value  # type: ignore[assignment]  # PyAV < 18 wants the number
    return route
