"""Videos that ask for all memory, or for other files: refused in one sentence, by their heads."""

from __future__ import annotations

import struct
from fractions import Fraction
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
import torch

from maskreel.common import video
from maskreel.common.errors import InputError
from maskreel.common.video import Clip, VideoWriter

if TYPE_CHECKING:
    from pathlib import Path


def noise(count: int = 12, height: int = 48, width: int = 64) -> Clip:
    return Clip(torch.randint(0, 256, (count, 3, height, width), dtype=torch.uint8), Fraction(25))


def ffv1(path: Path, clip: Clip) -> list[tuple[int, int]]:
    """Write a video and give where its packets are."""
    with VideoWriter(path, fps=clip.fps, size=clip.size, codec="ffv1") as writer:
        writer.write(clip)
    with av.open(str(path)) as container:
        return [(packet.pos or 0, packet.size) for packet in container.demux(container.streams.video[0]) if packet.size]


def damage(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 0x10
    path.write_bytes(data)


@pytest.mark.parametrize("size", [(1_000_000, 1_000_000), (1_000_000, 100), (16_000, 8_000)])
def test_sides_of_a_million_pixels(tmp_path: Path, size: tuple[int, int]) -> None:
    path = tmp_path / "a.y4m"
    path.write_bytes(b"YUV4MPEG2 W%d H%d F25:1 Ip C420\nFRAME\n" % size + bytes(1000))
    with pytest.raises(InputError, match=r"a\.y4m (says that it is|is not a video|holds no video)"):
        video.probe(path)


def test_frames_that_are_larger_than_their_container_says(tmp_path: Path) -> None:
    path = tmp_path / "a.avi"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=25)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        for pixels in noise(3).numpy():
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")))
        container.mux(stream.encode(None))
    data = path.read_bytes()
    place = data.rindex(b"\xff\xc0\x00\x11\x08") + 5
    path.write_bytes(data[:place] + struct.pack(">2H", 65000, 65000) + data[place + 4 :])
    clips = video.iterate(path, chunk=1)
    assert len(next(clips)) == 1
    with pytest.raises(InputError, match=r"a\.avi is damaged at frame 2"):
        list(clips)


def test_gif_of_thousands_of_huge_frames(tmp_path: Path) -> None:
    """Each is a single pixel on a picture of 9000 x 9000."""
    frame = b"\x21\xf9\x04\x00\x01\x00\x00\x00\x2c\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02\x44\x01\x00"
    head = b"GIF89a" + struct.pack("<2H", 9000, 9000) + b"\x80\x00\x00" + bytes(3) + b"\xff\xff\xff"
    path = tmp_path / "a.gif"
    path.write_bytes(head + 3000 * frame + b"\x3b")
    with pytest.raises(InputError, match=r"a\.gif is damaged at frame 0: .* more than 67 million pixels"):
        video.probe(path)


@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nsecret.mkv\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile secret.mkv\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
    ],
)
def test_lists_that_make_ffmpeg_open_other_files(tmp_path: Path, text: str) -> None:
    ffv1(tmp_path / "secret.mkv", noise(2))
    for name in ("list.mp4", "list.m3u8", "list.ffconcat", "list.sdp"):
        (tmp_path / name).write_text(text)
        with pytest.raises(InputError, match=rf"{name} is not a video that FFmpeg can read"):
            video.probe(tmp_path / name)


def test_damage_in_a_frame_of_ffv1_is_noticed_where_it_is(tmp_path: Path) -> None:
    """FFmpeg sees that the checksum is wrong, puts pixels of the frame before, and says nothing."""
    path, clip = tmp_path / "a.mkv", noise()
    place, size = ffv1(path, clip)[5]
    assert video.read(path).frames.equal(clip.frames)
    damage(path, place + size // 2)
    with pytest.raises(InputError, match=r"a\.mkv is damaged at frame 5: its data are corrupt; give a whole file"):
        video.read(path)
    assert video.read(path, stop=5).frames.equal(clip.frames[:5])
    assert video.read(path, start=6).frames.equal(clip.frames[6:])


def test_ffv1_without_checksums_is_read(tmp_path: Path) -> None:
    path, clip = tmp_path / "a.mkv", noise(3)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25, options={"level": "3", "slicecrc": "0", "slices": "4"})
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "bgr0"
        for pixels in clip.numpy():
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24").reformat(format="bgr0")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert video.read(path).frames.equal(clip.frames)


@pytest.mark.parametrize("slices", ["4", "9"])
def test_frames_built_on_a_damaged_one_are_refused_as_well(tmp_path: Path, slices: str) -> None:
    path, clip = tmp_path / "a.mkv", noise(9)
    options = {"level": "3", "slicecrc": "1", "slices": slices, "g": "4", "context": "1"}
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25, options=options)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "bgr0"
        for pixels in clip.numpy():
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24").reformat(format="bgr0")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with av.open(str(path)) as container:
        packets = [(packet.pos or 0, packet.size) for packet in container.demux(video=0) if packet.size]
    damage(path, packets[5][0] + packets[5][1] // 2)
    for start in (5, 6, 7):
        with pytest.raises(InputError, match=rf"damaged at frame {start}: its data are corrupt"):
            video.read(path, start=start, stop=start + 1)
    assert video.read(path, start=8).frames.equal(clip.frames[8:])


def test_names_with_line_breaks_and_escapes_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a\n\x1b[31m.mkv"
    ffv1(path, noise(2))
    assert video.probe(path).frame_count == 2
