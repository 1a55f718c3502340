"""Animated GIF."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import av
import av.error
from av.filter import Graph

from maskreel.common.video._encode import Clock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.container import OutputContainer
    from av.packet import Packet

    from maskreel.common.video._clip import Clip

_CENTISECOND = Fraction(1, 100)


class GifEncoder:
    """GIF with a palette of 256 colours made for each clip, and ordered dither, which stands still where nothing moves.

    GIF counts hundredths of a second, so times are rounded to them.
    """

    def __init__(self, container: OutputContainer, *, fps: Fraction, size: tuple[int, int]) -> None:
        stream = container.add_stream("gif", rate=fps)
        assert isinstance(stream, av.VideoStream)
        stream.height, stream.width = size
        stream.pix_fmt = "pal8"
        stream.codec_context.time_base = _CENTISECOND
        self._stream = stream
        self._clock = Clock(_CENTISECOND)

    def encode(self, clip: Clip, shift: Fraction) -> Iterator[Packet]:
        """The packets that are ready."""
        graph = _palette_graph(clip.size)
        for frame in self._clock.frames(clip, shift):
            graph.vpush(frame)
        graph.vpush(None)
        for _ in range(len(clip)):
            yield from self._stream.encode(graph.vpull())

    def flush(self) -> Iterator[Packet]:
        """The packets that were held back."""
        yield from self._stream.encode()


def _palette_graph(size: tuple[int, int]) -> Graph:
    """buffer -> split -> palettegen -> paletteuse -> sink; paletteuse also gets the frames from split."""
    height, width = size
    graph = Graph()
    source = graph.add("buffer", f"video_size={width}x{height}:pix_fmt=rgb24:time_base=1/100:pixel_aspect=1/1")
    split, sink = graph.add("split"), graph.add("buffersink")
    generate = graph.add("palettegen", "stats_mode=full")
    use = graph.add("paletteuse", "dither=bayer:bayer_scale=5")
    source.link_to(split)
    split.link_to(use, 0, 0)
    split.link_to(generate, 1, 0)
    generate.link_to(use, 0, 1)
    use.link_to(sink)
    graph.configure()
    return graph
