"""Bad files: one sentence that names the file and the fault; good files with odd headers are read."""

from __future__ import annotations

import wave
from fractions import Fraction
from typing import TYPE_CHECKING

import av
import av.logging
import numpy as np
import pytest
from av.stream import Disposition

from maskreel.common.errors import InputError
from maskreel.common.video import iterate, probe, read

if TYPE_CHECKING:
    from pathlib import Path

COUNT = 40


def encode(path: Path, codec: str = "libx264", pixel_format: str = "yuv420p", **options: str) -> Path:
    """40 frames of noise, so that every frame has many bytes."""
    rng = np.random.default_rng(0)
    muxer = {"movflags": options.pop("movflags")} if "movflags" in options else {}
    with av.open(str(path), "w", options=muxer) as container:
        stream = container.add_stream(codec, rate=10, options=options)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 48, pixel_format
        for i in range(COUNT):
            pixels = rng.integers(0, 256, (48, 64, 3), dtype=np.uint8)
            frame = av.VideoFrame.from_ndarray(pixels, "rgb24").reformat(format=pixel_format)
            frame.pts, frame.time_base = i, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def cut(path: Path, share: float) -> Path:
    data = path.read_bytes()
    short = path.with_name(f"cut{path.suffix}")
    short.write_bytes(data[: int(len(data) * share)])
    return short


def song(path: Path) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        assert isinstance(stream, av.AudioStream)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4000), np.int16), "s16", "mono")
        frame.sample_rate = 8000
        container.mux([*stream.encode(frame), *stream.encode()])
    return path


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no\.mp4 does not exist; give a video file or a folder of images"):
        iterate(tmp_path / "no.mp4")


def test_empty(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.touch()
    with pytest.raises(InputError, match=r"a\.mp4 is empty \(0 bytes\)"):
        probe(path)


@pytest.mark.parametrize("content", [b"hello\n" * 500, bytes(5000), np.random.default_rng(0).bytes(5000)])
def test_not_a_video(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.mp4 is not a video that FFmpeg can read"):
        probe(path)


def test_text_is_not_a_terminal_animation(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("hello\n" * 500)
    with pytest.raises(InputError, match=r"notes\.txt is a text file, not a video"):
        probe(path)


def test_single_image(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    av.VideoFrame.from_ndarray(np.zeros((8, 8, 3), np.uint8), "rgb24").to_image().save(path)
    with pytest.raises(InputError, match=r"a\.png is a single image, not a video; give the folder"):
        probe(path)


def test_audio_only(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(4000))
    with pytest.raises(InputError, match=r"a\.wav holds sound but no video"):
        probe(tmp_path / "a.wav")


def test_the_cover_of_a_song_is_not_a_video(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    with av.open(str(path), "w") as container:
        audio = container.add_stream("mp3", rate=44100)
        cover = container.add_stream("png", rate=1)
        assert isinstance(audio, av.AudioStream)
        assert isinstance(cover, av.VideoStream)
        cover.width = cover.height = 16
        cover.pix_fmt = "rgb24"
        cover.disposition = Disposition.attached_pic.value  # type: ignore[assignment]  # PyAV < 18 wants the number
        sound = av.AudioFrame.from_ndarray(np.zeros((2, 1152), np.int16), "s16p", "stereo")
        sound.sample_rate = 44100
        container.mux(cover.encode(av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), "rgb24")))
        container.mux([*cover.encode(), *audio.encode(sound), *audio.encode()])
    with av.open(str(path)) as container:
        assert len(container.streams.video) == 1
    with pytest.raises(InputError, match=r"a\.mp3 holds sound but no video"):
        probe(path)


def test_header_without_frames(tmp_path: Path) -> None:
    data = encode(tmp_path / "a.avi", "mpeg4").read_bytes()
    path = tmp_path / "none.avi"
    path.write_bytes(data[: data.index(b"movi") + 4])
    with pytest.raises(InputError, match=r"none\.avi is (cut off at frame 0|not a video)"):
        probe(path)


def test_mp4_whose_index_was_lost(tmp_path: Path) -> None:
    short = cut(encode(tmp_path / "a.mp4"), 0.6)
    with pytest.raises(InputError, match=r"cut\.mp4 is cut off: only \d+ of its \d+ bytes are there"):
        probe(short)


@pytest.mark.parametrize(
    ("name", "codec", "pixel_format", "options"),
    [
        ("a.mp4", "libx264", "yuv420p", {"movflags": "faststart"}),
        ("a.mp4", "libx264", "yuv420p", {"movflags": "frag_keyframe+empty_moov", "g": "8"}),
        ("a.mkv", "libx264", "yuv420p", {}),
        ("a.mkv", "ffv1", "bgr0", {}),
        ("a.webm", "libvpx", "yuv420p", {}),
        ("a.avi", "mpeg4", "yuv420p", {}),
    ],
)
def test_cut_in_the_middle(tmp_path: Path, name: str, codec: str, pixel_format: str, options: dict[str, str]) -> None:
    whole = encode(tmp_path / name, codec, pixel_format, **options)
    assert len(read(whole)) == COUNT
    with pytest.raises(InputError, match=r"cut\.\w+ is cut off at frame \d+: only \d+ of its \d+ bytes") as caught:
        iterate(cut(whole, 0.6))
    frame = int(str(caught.value).split("at frame ")[1].split(":")[0])
    assert 0.3 * COUNT < frame < 0.7 * COUNT


def test_transport_stream_cut_in_the_middle(tmp_path: Path) -> None:
    clips = iterate(cut(encode(tmp_path / "a.ts"), 0.6), chunk=4)
    with pytest.raises(InputError, match=r"cut\.ts is damaged at frame 2\d: its data are corrupt"):
        assert sum(len(clip) for clip in clips) == 0


def damaged(path: Path) -> Path:
    """The packet of frame 20 begins with nonsense."""
    with av.open(str(path)) as container:
        packets = [p for p in container.demux(video=0) if p.size]
        packet = sorted(packets, key=lambda p: p.pts or 0)[20]
        position, head = packet.pos, bytes(packet)[:60]
    assert position is not None
    data = bytearray(path.read_bytes())
    begin = data.index(head, position)
    data[begin : begin + 60] = b"\xff" * 60
    bad = path.with_name(f"bad{path.suffix}")
    bad.write_bytes(data)
    return bad


@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "libx264"), ("a.mkv", "libx264"), ("a.avi", "mpeg4")])
def test_damage_is_met_where_it_is(tmp_path: Path, name: str, codec: str) -> None:
    clips = iterate(damaged(encode(tmp_path / name, codec)), chunk=1)
    before = []
    with pytest.raises(InputError, match=r"bad\.\w+ is damaged at frame \d+: ") as caught:
        before.extend(clips)  # keeps what came before the error
    assert f"at frame {len(before)}:" in str(caught.value)
    assert 14 <= len(before) <= 20  # the decoder gives up before it has handed out what it holds


def test_frames_before_the_damage_can_be_read(tmp_path: Path) -> None:
    whole = encode(tmp_path / "a.mp4")
    assert np.array_equal(read(damaged(whole), stop=10).numpy(), read(whole, stop=10).numpy())


def test_wrong_length_in_the_header_of_a_whole_avi(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.avi", "mpeg4")
    data = bytearray(path.read_bytes())
    data[4:8] = (2 * len(data)).to_bytes(4, "little")
    path.write_bytes(data)
    assert len(read(path)) == COUNT


def test_live_recording_without_a_length_is_whole(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mkv")
    data = bytearray(path.read_bytes())
    size_at = data.index(bytes.fromhex("18538067")) + 4
    data[size_at : size_at + 8] = b"\x01" + b"\xff" * 7  # "unknown"
    path.write_bytes(data)
    assert len(read(path)) == COUNT


def test_size_that_changes_within_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.h264"
    with path.open("wb") as file:
        for width in (64, 96):
            part = tmp_path / f"{width}.h264"
            with av.open(str(part), "w") as container:
                stream = container.add_stream("libx264", rate=10, options={"bf": "0"})
                assert isinstance(stream, av.VideoStream)
                stream.width, stream.height, stream.pix_fmt = width, 48, "yuv420p"
                for _ in range(5):
                    frame = av.VideoFrame.from_ndarray(np.zeros((48, width, 3), np.uint8), "rgb24")
                    container.mux(stream.encode(frame.reformat(format="yuv420p")))
                container.mux(stream.encode())
            file.write(part.read_bytes())
    with pytest.raises(InputError, match=r"a\.h264 changes its size at frame 5, from 64x48 to 96x48"):
        read(path)


def test_replaced_file_is_read_anew(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mkv")
    assert probe(path).frame_count == COUNT
    path.write_bytes(cut(path, 0.6).read_bytes())
    with pytest.raises(InputError, match="is cut off"):
        probe(path)
    path.unlink()
    with pytest.raises(InputError, match="does not exist"):
        probe(path)


def test_decoders_do_not_log_into_python(tmp_path: Path) -> None:
    """They would hang now and then: see `open_video`."""
    path = encode(tmp_path / "a.mp4")
    av.logging.set_level(av.logging.ERROR)  # as torchvision 0.21 does when it is imported
    try:
        assert len(read(path).frames) == COUNT
        assert av.logging.get_level() is None
    finally:
        av.logging.set_level(None)


def test_name_that_looks_like_a_protocol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encode(tmp_path / "concat:a.mkv")
    monkeypatch.chdir(tmp_path)
    assert probe("concat:a.mkv").frame_count == COUNT
