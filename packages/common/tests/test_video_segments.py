from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest

from maskreel.common.errors import InputError
from maskreel.common.video import Clip, iterate, join_segments, probe, read, write, write_segment

if TYPE_CHECKING:
    from pathlib import Path

NTSC = Fraction(30000, 1001)


def moving(count: int, height: int = 48, width: int = 64) -> np.ndarray:
    t, y, x = np.mgrid[:count, :height, :width]
    return np.stack([x * 3 + 4 * t, y * 4 + 20, x + y + 2 * t], axis=-1).astype(np.uint8)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source.mkv"
    write(path, Clip.from_numpy(moving(30), NTSC), codec="ffv1")
    return path


def segments_of(source: Path, folder: Path, borders: list[int], **options) -> list[Path]:
    folder.mkdir(exist_ok=True)
    paths = []
    for start, stop in pairwise(borders):
        paths.append(folder / f"{start:05d}.nut")
        write_segment(paths[-1], iterate(source, chunk=4, start=start, stop=stop), like=probe(source), **options)
    return paths


def test_a_segment_stands_alone_on_the_clock_of_the_source(tmp_path: Path, source: Path) -> None:
    (path,) = segments_of(source, tmp_path / "s", [12, 21])
    with av.open(str(path)) as container:
        packets = [p for p in container.demux(video=0) if p.size]
    assert packets[0].is_keyframe
    assert [p.pts for p in packets] == [p.dts for p in packets]
    assert [(p.pts or 0) * p.time_base for p in packets] == [i / NTSC for i in range(12, 21)]
    assert probe(path).start == 12 / NTSC
    assert np.abs(read(path).numpy().astype(int) - moving(30)[12:21]).mean() < 6


@pytest.mark.parametrize("name", ["out.mp4", "out.mov", "out.mkv"])
def test_joined_segments_are_the_whole_video(tmp_path: Path, source: Path, name: str) -> None:
    paths = segments_of(source, tmp_path / "s", [0, 1, 8, 20, 30])
    join_segments(tmp_path / name, paths)
    info = probe(tmp_path / name)
    assert (info.frame_count, info.fps, info.size, info.start) == (30, NTSC, (48, 64), 0)
    assert not info.variable_frame_rate
    joined = read(tmp_path / name)
    assert np.array_equal(joined.numpy(), np.concatenate([read(path).numpy() for path in paths]))
    assert joined.times == tuple(i / NTSC for i in range(30))
    with av.open(str(tmp_path / name)) as container:
        # PyAV before 18.1 leaves it to Matroska's whole milliseconds.
        old = name == "out.mkv" and tuple(map(int, av.__version__.split(".")[:2])) < (18, 1)
        assert container.streams.video[0].average_rate == (Fraction(1000, 33) if old else NTSC)
        assert [i for i, p in enumerate(container.demux(video=0)) if p.is_keyframe] == [0, 1, 8, 20]


def test_lossless_segments(tmp_path: Path, source: Path) -> None:
    paths = segments_of(source, tmp_path / "s", [0, 13, 30], codec="ffv1")
    join_segments(tmp_path / "out.mkv", paths)
    assert np.array_equal(read(tmp_path / "out.mkv").numpy(), moving(30))
    assert probe(tmp_path / "out.mkv").fps == NTSC


@pytest.mark.parametrize("codec", ["h264", "ffv1"])
def test_a_segment_written_again_gives_the_same_bytes(tmp_path: Path, source: Path, codec: str) -> None:
    once = segments_of(source, tmp_path / "a", [0, 9, 30], codec=codec)
    again = segments_of(source, tmp_path / "b", [0, 9, 30], codec=codec)
    assert [p.read_bytes() for p in once] == [p.read_bytes() for p in again]
    join_segments(tmp_path / "a.mkv", once)
    join_segments(tmp_path / "b.mkv", [again[0], once[1]])
    assert (tmp_path / "a.mkv").read_bytes() == (tmp_path / "b.mkv").read_bytes()


def test_variable_rate_and_late_start_survive(tmp_path: Path) -> None:
    ticks = [700, 1212, 1724, 4800, 4804, 7700, 8212, 9700]
    times = tuple(Fraction(tick, 15360) for tick in ticks)
    write(tmp_path / "in.mp4", Clip.from_numpy(moving(8), Fraction(12), timestamps=times))
    paths = segments_of(tmp_path / "in.mp4", tmp_path / "s", [0, 1, 4, 8])
    join_segments(tmp_path / "out.mp4", paths, copy_streams_from=tmp_path / "in.mp4")
    assert read(tmp_path / "out.mp4").times == read(tmp_path / "in.mp4").times == tuple(t - times[0] for t in times)


def test_start_off_the_grid_of_frames(tmp_path: Path) -> None:
    """A transport stream begins at any time of its clock; all segments must still agree on theirs."""
    path = tmp_path / "in.ts"
    with av.open(str(path), "w", options={"muxdelay": "0"}) as container:
        stream = container.add_stream("libx264", rate=30)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 90000)
        for i, pixels in enumerate(moving(20)):
            frame = av.VideoFrame.from_ndarray(pixels, "rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = 3000 * i + 91001, Fraction(1, 90000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    assert (probe(path).start * 30).denominator != 1
    join_segments(tmp_path / "out.mp4", segments_of(path, tmp_path / "s", [0, 7, 13, 20]), copy_streams_from=path)
    info = probe(tmp_path / "out.mp4")
    assert (info.frame_count, info.fps) == (20, 30)
    assert abs(info.start - probe(path).start) < Fraction(1, 1000)  # MP4 counts the time before it in milliseconds


def test_a_part_begins_at_zero(tmp_path: Path, source: Path) -> None:
    paths = segments_of(source, tmp_path / "s", [10, 15, 20])
    join_segments(tmp_path / "out.mp4", paths, copy_streams_from=source)
    assert read(tmp_path / "out.mp4").times == tuple(i / NTSC for i in range(10))


def test_sound_is_copied_beside_the_segments(tmp_path: Path) -> None:
    path = tmp_path / "in.mkv"
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=10, options={"bf": "0"})
        audio = container.add_stream("libmp3lame", rate=48000, layout="mono")
        assert isinstance(video, av.VideoStream)
        assert isinstance(audio, av.AudioStream)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        for i, pixels in enumerate(moving(20)):
            frame = av.VideoFrame.from_ndarray(pixels, "rgb24").reformat(format="yuv420p")
            container.mux(video.encode(frame))
            wave = np.full((1, 4800), 100 * i, np.int16)
            sound = av.AudioFrame.from_ndarray(wave, "s16p", "mono")
            sound.sample_rate, sound.pts = 48000, 4800 * i
            for block in (sound,):
                container.mux(audio.encode(block))
        container.mux([*video.encode(), *audio.encode()])

    def sound_of(file: Path) -> list[bytes]:
        with av.open(str(file)) as opened:
            return [bytes(p) for p in opened.demux(audio=0) if p.size]

    join_segments(tmp_path / "a.mp4", segments_of(path, tmp_path / "s", [0, 10, 20]), copy_streams_from=path)
    assert probe(tmp_path / "a.mp4").frame_count == 20
    assert sound_of(tmp_path / "a.mp4") == sound_of(path)


def test_failing_source_leaves_no_segment(tmp_path: Path, source: Path) -> None:
    def clips():
        yield from iterate(source, stop=5)
        raise RuntimeError("source")

    with pytest.raises(RuntimeError, match="source"):
        write_segment(tmp_path / "s.nut", clips(), like=probe(source))
    assert [p.name for p in tmp_path.iterdir()] == ["source.mkv"]


def test_rejects_clips_that_do_not_fit(tmp_path: Path, source: Path) -> None:
    info, path = probe(source), tmp_path / "s.nut"
    clip = read(source)
    with pytest.raises(ValueError, match=r"no frame was given for .*s\.nut; a segment needs at least one"):
        write_segment(path, [clip[:0]], like=info)
    with pytest.raises(ValueError, match=r"one size, \(48, 64\); got 30000/1001 fps, \(10, 10\)"):
        write_segment(path, [clip, Clip.from_numpy(moving(2, 10, 10), NTSC, Fraction(9))], like=info)
    with pytest.raises(ValueError, match="clips must have 30000/1001 fps, as like has"):
        write_segment(path, [Clip.from_numpy(moving(2), Fraction(30))], like=info)
    with pytest.raises(ValueError, match="clips must follow each other in time"):
        write_segment(path, [clip[5:], clip[:5]], like=info)
    with pytest.raises(ValueError, match="crf must be from 0"):
        write_segment(path, [clip], like=info, crf=-1)
    assert not path.exists()


def test_rejects_segments_that_do_not_fit(tmp_path: Path, source: Path) -> None:
    first, second = segments_of(source, tmp_path / "s", [0, 15, 30])
    (other,) = segments_of(source, tmp_path / "t", [15, 30], crf=40, preset="ultrafast")
    out = tmp_path / "out.mp4"
    with pytest.raises(InputError, match=r"00000\.nut begins before the segment given before it ends; give them in"):
        join_segments(out, [second, first])
    with pytest.raises(InputError, match=r"00015\.nut was written with other settings than .*00000\.nut"):
        join_segments(out, [first, other])
    with pytest.raises(InputError, match=r"missing\.nut does not exist"):
        join_segments(out, [first, tmp_path / "missing.nut"])
    with pytest.raises(ValueError, match=r"no segment was given for .*out\.mp4"):
        join_segments(out, [])
    (lossless,) = segments_of(source, tmp_path / "u", [0, 30], codec="ffv1")
    with pytest.raises(InputError, match=r"out\.mp4 cannot hold ffv1; use \.mkv"):
        join_segments(out, [lossless])
    write(tmp_path / "a.gif", Clip.from_numpy(moving(3), Fraction(10)))
    with pytest.raises(InputError, match=r"a\.gif holds gif; give segments that write_segment has written"):
        join_segments(out, [tmp_path / "a.gif"])
    assert not out.exists()
    assert not list(tmp_path.glob(".out*"))
