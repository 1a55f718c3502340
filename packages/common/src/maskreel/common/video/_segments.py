"""Video written in segments, so that a job that was killed goes on where it stopped."""

from __future__ import annotations

from contextlib import closing
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from maskreel.common.atomic import atomic_path
from maskreel.common.errors import InputError
from maskreel.common.video._copy import shifted
from maskreel.common.video._encode import Ffv1Encoder, H264Encoder, check_crf, fitting_time_base
from maskreel.common.video._file import VideoFile
from maskreel.common.video._mux import Muxer, open_output
from maskreel.common.video._open import open_video
from maskreel.common.video._target import check_target

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Literal

    from av.container import OutputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

    from maskreel.common.video._clip import Clip
    from maskreel.common.video._encode import Encoder, Preset
    from maskreel.common.video._info import VideoInfo
    from maskreel.common.video._target import Codec

# FFmpeg's own container: it stores any clock and any starting time exactly, for every codec
_FORMAT = "nut"


def write_segment(
    path: str | os.PathLike[str],
    clips: Iterable[Clip],
    *,
    like: VideoInfo,
    codec: Literal["h264", "ffv1"] = "h264",
    crf: float = 18,
    preset: Preset = "faster",
) -> None:
    """Encode consecutive clips to a file of their own, for `join_segments`; it appears when it is whole.

    The frames keep their times. No packet depends on another segment, and packets are in display order (no B-frames,
    which costs a fifth more bytes on a street scene). All segments of a video must be written with the same arguments.

    Args:
        path: any name; the file is in FFmpeg's NUT format, which `read` and `iterate` understand.
        clips: all of one size, at the frame rate of `like`.
        like: the source of the clips; decides their frame rate, clock and colour tags.
        codec: as in `VideoWriter`, like `crf` and `preset`.

    Raises:
        ValueError: an argument is out of range, clips do not fit together, or there is none.
    """
    check_crf(crf)
    clips = (clip for clip in clips if len(clip))
    first = next(clips, None)
    if first is None:
        raise ValueError(f"no frame was given for {path}; a segment needs at least one")
    with atomic_path(path) as scratch, open_output(scratch, _FORMAT) as container:
        encoder = _encoder(container, first, like, codec, crf, preset)
        for clip in chain([first], clips):
            if (clip.fps, clip.size) != (like.fps, first.size):
                raise ValueError(
                    f"clips must have {like.fps} fps, as like has, and one size, {first.size}; "
                    f"got {clip.fps} fps, {clip.size}"
                )
            container.mux(list(encoder.encode(clip, Fraction(0))))
        container.mux(list(encoder.flush()))


def _encoder(
    container: OutputContainer, first: Clip, like: VideoInfo, codec: str, crf: float, preset: Preset
) -> Encoder:
    fps, size, time_base = first.fps, first.size, fitting_time_base(first, Fraction(0), like)
    if codec == "ffv1":
        return Ffv1Encoder(container, fps=fps, size=size, time_base=time_base)
    return H264Encoder(
        container, fps=fps, size=size, time_base=time_base, crf=crf, preset=preset, like=like, bframes=False
    )


def join_segments(
    path: str | os.PathLike[str],
    segments: Sequence[str | os.PathLike[str]],
    *,
    copy_streams_from: str | os.PathLike[str] | None = None,
) -> None:
    """Join segments to one video file without encoding again; it appears when it is whole.

    The same segments give the same bytes.

    Args:
        path: .mp4, .mov or .mkv; .mkv for FFV1.
        segments: files of `write_segment`, in the order of time.
        copy_streams_from: as in `VideoWriter`.

    Raises:
        InputError: the suffix does not fit, segments differ in codec, size or settings, or are not in order.
        ValueError: there is no segment.
    """
    if not segments:
        raise ValueError(f"no segment was given for {path}; a video needs at least one")
    paths = [Path(segment) for segment in segments]
    info = VideoFile(paths[0]).info
    check_target(path, codec=_codec(info), copy_streams_from=copy_streams_from)
    source = None if copy_streams_from is None else Path(copy_streams_from)
    with atomic_path(path) as scratch, open_output(scratch) as container, open_video(paths[0]) as (_, template):
        muxer = Muxer(container, source, info.start)
        stream = container.add_stream_from_template(template, opaque=True)
        stream.time_base, stream.codec_context.framerate = info.time_base, info.fps
        muxer.add_copied_streams(Path(path).suffix.lower())
        with closing(muxer):
            last = info.start
            for tick, packet in _joined(paths, template):
                last = tick * info.time_base
                packet.stream = stream
                muxer.write(shifted(packet, muxer.shift))
            muxer.finish(last)


def _codec(info: VideoInfo) -> Codec:
    if info.codec not in ("h264", "ffv1"):
        raise InputError(f"{info.path} holds {info.codec}; give segments that write_segment has written")
    return info.codec


def _joined(paths: Sequence[Path], template: VideoStream) -> Iterator[tuple[int, Packet]]:
    last, expected = None, _settings(template)
    for path in paths:
        with open_video(path) as (container, stream):
            if _settings(stream) != expected:
                raise InputError(f"{path} was written with other settings than {paths[0]}; write all of them alike")
            for packet in container.demux(stream):
                if packet.pts is None:
                    continue
                if last is not None and packet.pts <= last:
                    raise InputError(f"{path} begins before the segment given before it ends; give them in order")
                last = packet.pts
                yield last, packet


def _settings(stream: VideoStream) -> tuple[object, ...]:
    """What must agree; the extradata of both codecs hold size, colours and coding options."""
    context = stream.codec_context
    return context.name, context.width, context.height, context.extradata, stream.time_base
