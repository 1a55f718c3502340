"""One encoded video stream and the streams copied beside it, interleaved into one file."""

from __future__ import annotations

from contextlib import contextmanager
from fractions import Fraction
from typing import TYPE_CHECKING

import av

from maskreel.common.video._copy import StreamCopier
from maskreel.common.video._file import VideoFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from av.container import OutputContainer
    from av.packet import Packet

# no random numbers and no version of the library in the file, so that the same packets give the same bytes
_OPTIONS = {"fflags": "+bitexact"}


@contextmanager
def open_output(path: Path, format: str | None = None) -> Iterator[OutputContainer]:  # noqa: A002
    """A container to write, closed at the end; by default of the format that the suffix of `path` names."""
    with av.open(str(path), "w", format=format, options=_OPTIONS) as container:
        yield container


class Muxer:
    """Writes video packets, and beside each the copied packets of its time, so that few are ever held in memory.

    Without copied streams the first frame is shown at zero. With them, frames stay on the clock of `source`; if
    `first`, the time of the first frame in seconds, is later than that of the source, the copied streams are cut there
    and all begins at zero.
    """

    def __init__(self, container: OutputContainer, source: Path | None, first: Fraction) -> None:
        self._container = container
        self._source = None if source is None else VideoFile(source)
        self._copier: StreamCopier | None = None
        whole = self._source is not None and first <= self._source.info.start
        self.shift = Fraction(0) if whole else first
        """Seconds to take off the times of all frames."""

    def add_copied_streams(self, suffix: str) -> None:
        """Add the streams of the source; call it after the video stream, which should be the first one."""
        if self._source is not None:
            self._copier = StreamCopier(self._source.info.path, self._container, suffix)
            if self.shift:
                self._copier.cut(self.shift)

    def write(self, packet: Packet) -> None:
        """Write one video packet, its times already shifted."""
        if self._copier is not None and packet.dts is not None:
            self._copy(self._copier, packet.dts * packet.time_base)
        self._container.mux(packet)

    def finish(self, last: Fraction) -> None:
        """Copy what belongs beside the last frame, shown at `last` seconds on the clock of the source.

        Beside the last frame of the source, that is all there is left.
        """
        if self._copier is None or self._source is None:
            return
        count, fps = self._source.info.frame_count, self._source.info.fps
        to_the_end = count is None or last + 1 / (2 * fps) > self._source.timing.time(count - 1)
        self._copy(self._copier, None if to_the_end else last + 1 / fps - self.shift)

    def _copy(self, copier: StreamCopier, time: Fraction | None) -> None:
        for packet in copier.until(time):
            self._container.mux(packet)

    def close(self) -> None:
        """Close the source of the copied streams."""
        if self._copier is not None:
            self._copier.close()
