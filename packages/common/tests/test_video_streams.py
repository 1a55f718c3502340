"""Audio and subtitle streams, copied beside the frames."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest

from maskreel.common.errors import InputError
from maskreel.common.video import Clip, VideoWriter, check_target, iterate, probe, read

if TYPE_CHECKING:
    from av.container import OutputContainer

FPS = Fraction(10)
SUBTITLES = """1
00:00:00,500 --> 00:00:01,200
<i>Hello</i> there

2
00:00:02,000 --> 00:00:02,700
General
Kenobi
"""


def sound(container: OutputContainer, codec: str, seconds: int) -> list[av.Packet]:
    stream = container.add_stream(codec, rate=48000, layout="mono")
    assert isinstance(stream, av.AudioStream)
    stream.metadata["language"] = "deu"
    packets = []
    size = 960
    name = stream.codec_context.format.name
    dtype, peak = {"s16": (np.int16, 2**14), "s32": (np.int32, 2**30), "flt": (np.float32, 0.5), "u8": (np.uint8, 0)}[
        name[:3]
    ]
    for i in range(seconds * 48000 // size):
        wave = np.sin((np.arange(size) + i * size) * 2 * np.pi * 440 / 48000)[None]
        frame = av.AudioFrame.from_ndarray((wave * peak).astype(dtype), name, "mono")
        frame.sample_rate, frame.pts, frame.time_base = 48000, i * size, Fraction(1, 48000)
        packets += stream.encode(frame)
    return packets + stream.encode()


def make(
    path: Path,
    *,
    audio: tuple[str, ...] = ("aac",),
    subtitles: bool = False,
    seconds: int = 4,
    ticks: tuple[int, ...] = (),
) -> Path:
    """A video with sound and perhaps subtitles, muxed by plain PyAV."""
    (path.parent / "text.srt").write_text(SUBTITLES)
    with av.open(str(path), "w") as container, av.open(str(path.parent / "text.srt")) as text:
        video = container.add_stream("libx264", rate=FPS, options={"bf": "2", "g": "10"})
        assert isinstance(video, av.VideoStream)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        packets: list[av.Packet] = []
        for codec in audio:
            packets += sound(container, codec, seconds)
        if subtitles:
            stream = container.add_stream_from_template(text.streams.subtitles[0])
            for packet in text.demux():
                if packet.size:
                    packet.stream = stream
                    packets.append(packet)
        for i in ticks or range(seconds * 10):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 5 * i % 256, np.uint8), "rgb24")
            frame = frame.reformat(format="yuv420p")
            frame.pts, frame.time_base = i, 1 / FPS
            packets += video.encode(frame)
        packets += video.encode()
        for packet in sorted(packets, key=lambda p: (p.dts or 0) * p.time_base):
            container.mux(packet)
    return path


def copy(source: Path, target: Path, start: int = 0, stop: int | None = None) -> Path:
    info = probe(source)
    with VideoWriter(
        target, fps=info.fps, size=info.size, like=info, preset="ultrafast", copy_streams_from=source
    ) as writer:
        for clip in iterate(source, chunk=7, start=start, stop=stop):
            writer.write(clip)
    return target


def packets_of(path: Path, kind: str, index: int = 0) -> list[tuple[Fraction, bytes]]:
    """(seconds, data) of every packet."""
    with av.open(str(path)) as container:
        stream = [s for s in container.streams if s.type == kind][index]
        return [(p.pts * p.time_base, bytes(p)) for p in container.demux(stream) if p.size and p.pts is not None]


@pytest.mark.parametrize("name", ["out.mp4", "out.mov", "out.mkv"])
def test_sound_is_copied_packet_by_packet_and_stays_in_step(tmp_path: Path, name: str) -> None:
    source = make(tmp_path / "in.mp4")
    target = copy(source, tmp_path / name)
    before, after = packets_of(source, "audio"), packets_of(target, "audio")
    assert [data for _, data in after] == [data for _, data in before]
    slip = probe(target).start - probe(source).start  # Matroska has no negative times, so all may move together
    assert max(abs(a - b - slip) for (a, _), (b, _) in zip(after, before, strict=True)) <= Fraction(1, 1000)
    assert slip < Fraction(3, 100)
    assert probe(target).frame_count == 40
    with av.open(str(target)) as container:
        assert [s.type for s in container.streams] == ["video", "audio"]
        if name != "out.mov":  # QuickTime has codes of its own
            assert container.streams.audio[0].metadata["language"] in ("deu", "ger")


@pytest.mark.parametrize(
    ("codec", "name"),
    [("libmp3lame", "out.mp4"), ("libopus", "out.mp4"), ("libopus", "out.mkv"), ("pcm_s16le", "out.mov")],
)
def test_other_codecs(tmp_path: Path, codec: str, name: str) -> None:
    source = make(tmp_path / "in.mkv", audio=(codec,))
    target = copy(source, tmp_path / name)
    assert b"".join(d for _, d in packets_of(target, "audio")) == b"".join(d for _, d in packets_of(source, "audio"))


def test_several_streams_and_subtitles(tmp_path: Path) -> None:
    source = make(tmp_path / "in.mkv", audio=("aac", "libmp3lame"), subtitles=True)
    assert (probe(source).audio_streams, probe(source).subtitle_streams) == (2, 1)
    target = copy(source, tmp_path / "out.mkv")
    assert (probe(target).audio_streams, probe(target).subtitle_streams) == (2, 1)
    for index in (0, 1):
        assert [d for _, d in packets_of(target, "audio", index)] == [d for _, d in packets_of(source, "audio", index)]
    assert packets_of(target, "subtitle") == packets_of(source, "subtitle")


def test_subrip_becomes_mov_text_in_mp4(tmp_path: Path) -> None:
    source = make(tmp_path / "in.mkv", subtitles=True)
    target = copy(source, tmp_path / "out.mp4")
    with av.open(str(target)) as container:
        assert container.streams.subtitles[0].codec_context.codec.canonical_name == "mov_text"
    shown = {}
    for time, data in packets_of(target, "subtitle"):
        length = int.from_bytes(data[:2], "big")  # 3GPP TS 26.245, 5.17: length, text, styles
        if length:
            shown[time] = data[2 : 2 + length].decode()
    start = probe(target).start - probe(source).start
    assert {t - start: s for t, s in shown.items()} == {
        Fraction(1, 2): "Hello there",
        Fraction(2): "General\nKenobi",
    }


def test_a_part_of_the_video_gets_its_part_of_the_sound(tmp_path: Path) -> None:
    source = make(tmp_path / "in.mkv", audio=("libmp3lame",), subtitles=True)
    begin = probe(source).start + 1
    target = copy(source, tmp_path / "out.mkv", start=10, stop=30)
    assert probe(target).frame_count == 20
    expected = [(t - begin, d) for t, d in packets_of(source, "audio") if begin <= t <= begin + 2]
    got = packets_of(target, "audio")
    assert [d for _, d in got] == [d for _, d in expected]
    slip = probe(target).start
    assert max(abs(a - b - slip) for (a, _), (b, _) in zip(got, expected, strict=True)) <= Fraction(2, 1000)
    (time, text), *more = packets_of(target, "subtitle")
    assert text == b"General\nKenobi"
    assert abs(time - 1 - slip) < Fraction(1, 20)
    assert not more


def test_sound_under_a_long_last_frame_is_kept(tmp_path: Path) -> None:
    source = make(tmp_path / "in.mkv", ticks=(0, 1, 2, 5, 6, 9))  # four seconds of sound
    target = copy(source, tmp_path / "out.mkv")
    assert probe(target).variable_frame_rate
    assert packets_of(target, "audio") == packets_of(source, "audio")
    part = copy(source, tmp_path / "part.mkv", stop=5)
    assert packets_of(part, "audio")[-1][0] < 1


def test_video_and_sound_are_interleaved(tmp_path: Path) -> None:
    target = copy(make(tmp_path / "in.mp4", seconds=8), tmp_path / "out.mp4")
    last = {"video": 0.0, "audio": 0.0}
    with av.open(str(target)) as container:
        for packet in sorted((p for p in container.demux() if p.size), key=lambda p: p.pos or 0):
            last[packet.stream.type] = float((packet.dts or 0) * packet.time_base)
            assert abs(last["video"] - last["audio"]) < 1.5
    assert min(last.values()) > 7


def test_source_without_other_streams(tmp_path: Path) -> None:
    target = copy(make(tmp_path / "in.mp4", audio=()), tmp_path / "out.gif")
    assert len(read(target)) == 40


def test_streams_that_the_file_cannot_hold_are_named_at_once(tmp_path: Path) -> None:
    source = make(tmp_path / "in.mkv", audio=("pcm_u8",))
    with pytest.raises(InputError, match=r"in\.mkv holds pcm_u8 audio, which \.mp4 files cannot hold; write to \.mkv"):
        VideoWriter(tmp_path / "out.mp4", fps=FPS, size=(48, 64), copy_streams_from=source)
    with pytest.raises(InputError, match=r"pcm_u8 audio, which \.gif files cannot hold; write to \.mkv"):
        check_target(tmp_path / "out.gif", copy_streams_from=source)
    assert check_target(tmp_path / "out.mkv", codec="ffv1", copy_streams_from=source) == "ffv1"
    odd = make(tmp_path / "in.avi", audio=("adpcm_ms",))
    with pytest.raises(
        InputError, match=r"adpcm_ms audio, which \.mkv files cannot hold; write without copied streams"
    ):
        check_target(tmp_path / "out.mkv", copy_streams_from=odd)
    with pytest.raises(InputError, match=r"no\.mp4 does not exist"):
        check_target(tmp_path / "out.mkv", copy_streams_from=tmp_path / "no.mp4")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.avi", "in.mkv", "text.srt"]


def test_failure_leaves_nothing_and_releases_the_source(tmp_path: Path) -> None:
    source = make(tmp_path / "in.mp4")

    def fail() -> None:
        with VideoWriter(tmp_path / "out.mp4", fps=FPS, size=(48, 64), copy_streams_from=source) as writer:
            writer.write(Clip.from_numpy(np.zeros((5, 48, 64, 3), np.uint8), FPS))
            raise RuntimeError("consumer")

    with pytest.raises(RuntimeError, match="consumer"):
        fail()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.mp4", "text.srt"]
    descriptors = Path("/proc/self/fd")
    if descriptors.exists():
        assert not any(link.resolve() == source for link in descriptors.iterdir() if link.exists())


TALKING_HEAD = Path("/work/shared/data/talking_head.mp4")


@pytest.mark.skipif(not TALKING_HEAD.exists(), reason="needs the shared sample talking_head.mp4")
def test_real_sound(tmp_path: Path) -> None:
    info = probe(TALKING_HEAD)
    with VideoWriter(
        tmp_path / "out.mp4", fps=info.fps, size=info.size, preset="ultrafast", copy_streams_from=TALKING_HEAD
    ) as writer:
        for clip in iterate(TALKING_HEAD):
            writer.write(clip)
    assert packets_of(tmp_path / "out.mp4", "audio") == packets_of(TALKING_HEAD, "audio")
