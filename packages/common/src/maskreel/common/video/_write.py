"""`VideoWriter` and `write`: from `Clip`s to a file that appears when it is whole."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Self

from maskreel.common.atomic import atomic_path
from maskreel.common.video._encode import Ffv1Encoder, H264Encoder, check_crf, fitting_time_base
from maskreel.common.video._gif import GifEncoder
from maskreel.common.video._mux import Muxer, open_output
from maskreel.common.video._target import check_target

if TYPE_CHECKING:
    import os
    from fractions import Fraction
    from types import TracebackType

    from av.container import OutputContainer

    from maskreel.common.video._clip import Clip
    from maskreel.common.video._encode import Encoder, Preset
    from maskreel.common.video._info import VideoInfo
    from maskreel.common.video._target import Codec


class VideoWriter:
    """Encodes clips to a video file as they come; use it in a `with` block.

    The file appears under its name when the block ends well, and not at all if it raises. The same frames give the
    same bytes.

    Args:
        path: .mp4, .mov or .mkv for H.264; .mkv for FFV1; .gif.
        fps: frames per second of the clips, for example Fraction(30000, 1001); the average where the rate varies.
        size: (height, width) of the frames. H.264 stores odd sizes as yuv444p, which browsers do not play.
        codec: "ffv1" is lossless; by default "h264", or "gif" for .gif.
        crf: quality of H.264, 0 (best) to 51; 18 can hardly be told from the original.
        preset: how long H.264 may take to find a smaller file of that quality.
        like: take the colour tags and the shape of the pixels (both H.264 only) from this video, and its clock where
            the rate varies.
        copy_streams_from: a video whose audio and subtitle streams are copied. Frames then keep their times; if they
            are a part of that video, the streams are cut to it.

    Raises:
        InputError: the suffix is unknown, or cannot hold the codec or a stream to copy.
        ValueError: another argument is out of range, clips do not fit together, or none was written.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        fps: Fraction,
        size: tuple[int, int],
        codec: Codec | None = None,
        crf: float = 18,
        preset: Preset = "faster",
        like: VideoInfo | None = None,
        copy_streams_from: str | os.PathLike[str] | None = None,
    ) -> None:
        check_crf(crf)
        self.path = Path(path)
        self.fps, self.size = fps, size
        self._codec = check_target(self.path, codec=codec, copy_streams_from=copy_streams_from)
        self._crf, self._like = crf, like
        self._preset: Preset = preset
        self._source = None if copy_streams_from is None else Path(copy_streams_from)
        self._container: OutputContainer | None = None
        self._encoder: Encoder | None = None
        self._files = ExitStack()

    def __enter__(self) -> Self:
        scratch = self._files.enter_context(atomic_path(self.path))
        self._container = self._files.enter_context(open_output(scratch))
        self._sources = self._files.enter_context(ExitStack())
        self._files.push(self._finish)  # entered last, so that it finishes before anything is closed
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._files.__exit__(kind, error, trace)

    def write(self, clip: Clip) -> None:
        """Encode the frames of a clip, which must follow those written before."""
        if clip.size != self.size:
            raise ValueError(f"clip must have the size of the file, {self.size}, got {clip.size}")
        if clip.fps != self.fps:
            raise ValueError(f"clip must have the frame rate of the file, {self.fps} fps, got {clip.fps}")
        if len(clip) == 0:
            return
        if self._encoder is None:
            self._start(clip)
        assert self._encoder is not None
        for packet in self._encoder.encode(clip, self._muxer.shift):
            self._muxer.write(packet)
        self._last = clip.times[-1]

    def _start(self, clip: Clip) -> None:
        """Set up the streams, now that the time of the first frame is known."""
        if self._container is None:
            raise ValueError(f"the writer of {self.path} is not open; use it in a with block")
        self._muxer = Muxer(self._container, self._source, clip.times[0])
        self._encoder = self._make_encoder(self._container, fitting_time_base(clip, self._muxer.shift, self._like))
        self._muxer.add_copied_streams(self.path.suffix.lower())
        self._sources.callback(self._muxer.close)

    def _make_encoder(self, container: OutputContainer, time_base: Fraction) -> Encoder:
        if self._codec == "gif":
            return GifEncoder(container, fps=self.fps, size=self.size)
        if self._codec == "ffv1":
            return Ffv1Encoder(container, fps=self.fps, size=self.size, time_base=time_base)
        return H264Encoder(
            container,
            fps=self.fps,
            size=self.size,
            time_base=time_base,
            crf=self._crf,
            preset=self._preset,
            like=self._like,
        )

    def _finish(self, kind: type[BaseException] | None, _error: object, _trace: object) -> None:
        if kind is not None:
            return
        if self._encoder is None:
            raise ValueError(f"no frame was written to {self.path}; a video needs at least one")
        for packet in self._encoder.flush():
            self._muxer.write(packet)
        self._muxer.finish(self._last)


def write(
    path: str | os.PathLike[str],
    clip: Clip,
    *,
    codec: Codec | None = None,
    crf: float = 18,
    preset: Preset = "faster",
    like: VideoInfo | None = None,
    copy_streams_from: str | os.PathLike[str] | None = None,
) -> None:
    """Write one clip to a video file; the arguments and errors are those of `VideoWriter`."""
    with VideoWriter(
        path,
        fps=clip.fps,
        size=clip.size,
        codec=codec,
        crf=crf,
        preset=preset,
        like=like,
        copy_streams_from=copy_streams_from,
    ) as writer:
        writer.write(clip)
