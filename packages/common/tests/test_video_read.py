"""Reading, against frames decoded by plain PyAV and against pixels known beforehand."""

from __future__ import annotations

import struct
import tracemalloc
import weakref
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from maskreel.common.errors import InputError
from maskreel.common.video import Clip, iterate, probe, read

H, W = 48, 64


def picture(index: int, height: int = H, width: int = W) -> np.ndarray:
    """A colour gradient with a box that moves, so that every frame differs."""
    y, x = np.mgrid[:height, :width]
    image = np.stack([x * 3 % 256, y * 4 % 256, (x + y + 5 * index) % 256], axis=-1).astype(np.uint8)
    left = index * 5 % (width - 10)
    image[10:20, left : left + 10] = (250 - index) % 256
    return image


def encode(
    path: Path,
    *,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    ticks: list[int] | None = None,
    time_base: Fraction = Fraction(1, 10),
    rate: Fraction = Fraction(10),
    count: int = 40,
    options: dict[str, str] | None = None,
) -> Path:
    """Write a small video with plain PyAV."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, options=options or {})
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = W, H, pixel_format
        stream.codec_context.time_base = time_base
        for i, tick in enumerate(ticks or range(count)):
            frame = av.VideoFrame.from_ndarray(picture(i), "rgb24").reformat(format=pixel_format)
            frame.pts, frame.time_base = tick, time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def plain_frames(path: Path) -> list[av.VideoFrame]:
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


def shows(clip: Clip, index: int) -> int:
    """The number of the picture that a frame resembles most."""
    frame = clip.numpy()[index].astype(float)
    return int(np.argmin([np.abs(frame - picture(i)).mean() for i in range(len(clip) + 2)]))


@pytest.fixture
def long_gop(tmp_path: Path) -> Path:
    """120 frames in H.264 with B-frames and key frames every 24."""
    return encode(tmp_path / "a.mp4", count=120, options={"g": "24", "bf": "3", "crf": "10"})


def test_probe_reads_rate_count_and_times_from_packets(tmp_path: Path) -> None:
    ticks = [1001 * i for i in range(20)]
    path = encode(tmp_path / "a.mp4", ticks=ticks, time_base=Fraction(1, 30000), rate=Fraction(30000, 1001))
    info = probe(path)
    assert info.path == path
    assert info.size == (H, W)
    assert info.fps == Fraction(30000, 1001)
    assert info.frame_count == 20
    assert info.duration == 20 * Fraction(1001, 30000)
    assert not info.variable_frame_rate
    assert (info.codec, info.pixel_format, info.rotation) == ("h264", "yuv420p", 0)
    assert (info.audio_streams, info.subtitle_streams) == (0, 0)


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.mp4", "libx264"), ("a.mkv", "libx264"), ("a.avi", "mpeg4"), ("a.ts", "libx264"), ("a.webm", "libvpx-vp9")],
)
def test_every_container_gives_all_frames_in_order(tmp_path: Path, name: str, codec: str) -> None:
    path = encode(tmp_path / name, codec=codec, count=30)
    clip = read(path)
    assert len(clip) == probe(path).frame_count == 30
    assert clip.fps == 10
    first = clip.start
    assert clip.times == tuple(first + Fraction(i, 10) for i in range(30))
    tick = plain_frames(path)[0].pts
    assert tick is not None
    assert first == tick * probe(path).time_base
    assert [shows(clip, i) for i in (0, 7, 29)] == [0, 7, 29]


def test_milliseconds_of_matroska_do_not_hide_a_constant_rate(tmp_path: Path) -> None:
    ticks = [1001 * i for i in range(40)]
    path = encode(tmp_path / "a.mkv", ticks=ticks, time_base=Fraction(1, 30000), rate=Fraction(30000, 1001))
    assert probe(path).time_base == Fraction(1, 1000)
    clip = read(path)
    assert clip.timestamps is None
    assert clip.fps == Fraction(30000, 1001)


def test_variable_rate_gives_exact_timestamps(tmp_path: Path) -> None:
    ticks = [0, 512, 1024, 4096, 4100, 7000, 7512, 9000]
    path = encode(tmp_path / "a.mp4", ticks=ticks, time_base=Fraction(1, 15360), options={"bf": "2"})
    info = probe(path)
    assert info.variable_frame_rate
    clips = list(iterate(path, chunk=3))
    times = [time for clip in clips for time in clip.times]
    assert times == [Fraction(tick, 15360) for tick in ticks]
    assert [clip.start for clip in clips] == [times[0], times[3], times[6]]
    assert read(path, start=4).timestamps == tuple(times[4:])
    assert abs(info.fps - 7 / times[-1]) < Fraction(1, 10_000)
    assert info.duration is not None
    assert info.duration > times[-1]


@pytest.mark.parametrize("seconds", [3600, 30_000])
def test_frames_that_are_hours_apart(tmp_path: Path, seconds: int) -> None:
    ticks = [seconds * 100 * i for i in range(4)]
    info = probe(encode(tmp_path / "a.mkv", codec="ffv1", ticks=ticks, time_base=Fraction(1, 100)))
    assert info.fps == Fraction(1, seconds)
    assert not info.variable_frame_rate
    ticks[1] += 500
    clip = read(encode(tmp_path / "b.mkv", codec="ffv1", ticks=ticks, time_base=Fraction(1, 100)))
    assert clip.times == tuple(Fraction(tick, 100) for tick in ticks)
    assert clip.fps == Fraction(1, seconds)


def test_frames_that_are_years_apart(tmp_path: Path) -> None:
    ticks = [0, 10**8, 3 * 10**8]
    clip = read(encode(tmp_path / "a.mkv", codec="ffv1", ticks=ticks, time_base=Fraction(1, 1)))
    assert clip.times == tuple(ticks)
    assert 0 < clip.fps < Fraction(1, 10**5)


def test_one_dropped_frame_is_a_variable_rate_even_on_a_coarse_clock(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.avi", codec="mpeg4", ticks=[0, 1, 2, 4, 5], options={"bf": "0"})
    assert read(path).times == tuple(Fraction(i, 10) for i in (0, 1, 2, 4, 5))


@pytest.mark.parametrize(("chunk", "overlap"), [(7, 0), (7, 3), (1, 0), (40, 39), (100, 5)])
def test_chunks_tile_the_video(long_gop: Path, chunk: int, overlap: int) -> None:
    whole = read(long_gop, stop=50)
    begin = 0
    for clip in iterate(long_gop, chunk=chunk, overlap=overlap, stop=50):
        assert torch.equal(clip.frames, whole.frames[begin : begin + len(clip)])
        assert clip.times == whole.times[begin : begin + len(clip)]
        assert len(clip) == min(chunk, 50 - begin) > overlap
        begin += len(clip) - overlap
    assert begin + overlap == 50


def test_pixels_are_contiguous_behind_the_tensor(long_gop: Path) -> None:
    clip = next(iter(iterate(long_gop, chunk=4)))
    assert clip.frames.permute(0, 2, 3, 1).is_contiguous()


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("a.mp4", "libx264", {"g": "24", "bf": "3", "x264-params": "open-gop=1"}),
        ("a.mkv", "libx264", {"g": "24", "bf": "3"}),
        ("a.mp4", "libx264", {"g": "24", "x264-params": "intra-refresh=1"}),
        ("a.ts", "libx264", {"g": "24", "bf": "3"}),
        ("a.avi", "mpeg4", {"g": "24", "bf": "2"}),
        ("a.mpg", "mpeg2video", {"g": "12", "bf": "2"}),
    ],
)
def test_start_gives_the_frames_of_a_sequential_reading(
    tmp_path: Path, name: str, codec: str, options: dict[str, str]
) -> None:
    rate = 25 if codec == "mpeg2video" else 10
    base = Fraction(1, rate)
    path = encode(tmp_path / name, codec=codec, count=100, options=options, rate=Fraction(rate), time_base=base)
    whole = read(path)
    assert len(whole) == 100
    for start in (1, 23, 24, 25, 47, 50, 73, 98, 99):
        part = read(path, start=start, stop=start + 3)
        assert torch.equal(part.frames, whole.frames[start : start + 3])
        assert part.times == whole.times[start : start + 3]


def test_start_with_a_variable_rate(tmp_path: Path) -> None:
    ticks = list(np.cumsum(np.random.default_rng(0).integers(1, 40, 100)).tolist())
    path = encode(tmp_path / "a.mp4", ticks=ticks, time_base=Fraction(1, 1000), options={"g": "20", "bf": "3"})
    whole = read(path)
    for start in (5, 19, 20, 21, 63, 99):
        part = read(path, start=start)
        assert torch.equal(part.frames, whole.frames[start:])
        assert part.times == whole.times[start:]


def test_start_does_not_decode_from_the_beginning(long_gop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from maskreel.common.video import _decode

    decoded = []
    original = _decode.open_video  # type: ignore[reportPrivateImportUsage]

    def counting(path: Path):
        context = original(path)

        class Counting:
            def __enter__(self):
                container, stream = context.__enter__()

                class Container:
                    seek, format = container.seek, container.format

                    def decode(self, stream: av.VideoStream):
                        for frame in container.decode(stream):
                            decoded.append(frame.pts)
                            yield frame

                return Container(), stream

            def __exit__(self, *error: object) -> None:
                context.__exit__(*error)  # type: ignore[arg-type]

        return Counting()

    monkeypatch.setattr(_decode, "open_video", counting)
    assert len(read(long_gop, start=100, stop=102)) == 2
    assert len(decoded) <= 8  # frame 96 is a key frame


def test_stream_without_timestamps_is_counted_while_decoding(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.h264", count=70, options={"bf": "2"})
    info = probe(path)
    assert info.frame_count is None
    assert info.duration is None
    whole = read(path)
    assert len(whole) == 70
    assert shows(whole, 69) == 69
    part = read(path, start=60)
    assert torch.equal(part.frames, whole.frames[60:])
    assert part.start == 60 / info.fps
    assert len(read(path, start=70)) == 0


def test_empty_ranges(long_gop: Path) -> None:
    assert list(iterate(long_gop, start=120)) == []
    assert read(long_gop, start=5, stop=5).frames.shape == (0, 3, H, W)
    assert len(read(long_gop, start=118, stop=500)) == 2


def test_rejects_arguments_out_of_range(long_gop: Path) -> None:
    with pytest.raises(ValueError, match="overlap must be at least 0 and less than chunk = 4, got 4"):
        iterate(long_gop, chunk=4, overlap=4)
    with pytest.raises(ValueError, match="start must be a frame number from 0 to 120, got 121"):
        iterate(long_gop, start=121)
    with pytest.raises(ValueError, match="start must be a frame number from 0 to 120, got -1"):
        read(long_gop, start=-1)
    with pytest.raises(ValueError, match="stop must not be less than start = 5, got 4"):
        read(long_gop, start=5, stop=4)
    with pytest.raises(ValueError, match="fps is only for folders of images, got fps=25"):
        probe(long_gop, fps=Fraction(25))


KR_KB = {1: (0.2126, 0.0722), 6: (0.299, 0.114)}


def to_yuv(rgb: np.ndarray, matrix: int, *, full: bool) -> list[int]:
    """Formulas of BT.709 and BT.601, section 3 of each."""
    kr, kb = KR_KB[matrix]
    r, g, b = rgb / 255
    y = kr * r + (1 - kr - kb) * g + kb * b
    u, v = (b - y) / (2 - 2 * kb), (r - y) / (2 - 2 * kr)
    scale = (255, 255, 0) if full else (219, 224, 16)
    return [round(scale[2] + scale[0] * y), round(128 + scale[1] * u), round(128 + scale[1] * v)]


@pytest.mark.parametrize("matrix", [1, 6])
@pytest.mark.parametrize("full", [False, True])
def test_colours_follow_the_tags(tmp_path: Path, matrix: int, full: bool) -> None:
    colours = [np.array(c) for c in [(200, 30, 60), (20, 180, 90), (40, 70, 210), (128, 128, 128), (16, 235, 240)]]
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=10)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = W, H, "yuv420p"
        stream.codec_context.colorspace, stream.codec_context.color_range = matrix, 2 if full else 1
        for colour in colours:
            frame = av.VideoFrame(W, H, "yuv420p")
            for plane, value in zip(frame.planes, to_yuv(colour, matrix, full=full), strict=True):
                plane.update(bytes([value]) * plane.buffer_size)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    pixels = read(path).numpy().astype(int)
    for image, colour in zip(pixels, colours, strict=True):
        assert np.abs(image - colour).max() <= 2  # the rounding of Y, U and V
        assert (image == image[0, 0]).all()
    assert (probe(path).colors.matrix, probe(path).colors.range) == (matrix, 2 if full else 1)


def test_untagged_video_counts_as_601_below_hd(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    colour = np.array([200, 30, 60])
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=10)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = W, H, "yuv444p"
        frame = av.VideoFrame(W, H, "yuv444p")
        for plane, value in zip(frame.planes, to_yuv(colour, 6, full=False), strict=True):
            plane.update(bytes([value]) * plane.buffer_size)
        container.mux([*stream.encode(frame), *stream.encode()])
    assert np.abs(read(path).numpy()[0, 0, 0].astype(int) - colour).max() <= 2


def test_gray_video_keeps_its_levels(tmp_path: Path) -> None:
    levels = np.arange(H * W, dtype=np.uint16).reshape(H, W).astype(np.uint8)
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=10)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = W, H, "gray"
        container.mux([*stream.encode(av.VideoFrame.from_ndarray(levels, "gray")), *stream.encode()])
    assert np.array_equal(read(path).numpy()[0], np.repeat(levels[..., None], 3, axis=-1))


def turn(path: Path, matrix: tuple[int, int, int, int]) -> Path:
    """Patch the display matrix in the track header of an MP4 file (ISO/IEC 14496-12, 8.3.2)."""
    data = bytearray(path.read_bytes())
    offset = data.index(b"tkhd") + 44
    a, b, c, d = (v << 16 for v in matrix)
    data[offset : offset + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    turned = path.with_name("turned.mp4")
    turned.write_bytes(data)
    return turned


@pytest.mark.parametrize(
    ("matrix", "degrees", "upright"),
    [
        ((1, 0, 0, 1), 0, lambda x: x),
        ((0, 1, -1, 0), 90, lambda x: np.rot90(x, -1)),
        ((-1, 0, 0, -1), 180, lambda x: np.rot90(x, 2)),
        ((0, -1, 1, 0), 270, lambda x: np.rot90(x, 1)),
        ((-1, 0, 0, 1), 0, np.fliplr),
    ],
)
def test_rotated_video_is_read_upright(
    tmp_path: Path, matrix: tuple[int, int, int, int], degrees: int, upright
) -> None:
    stored = encode(tmp_path / "a.mp4", count=3)
    path = turn(stored, matrix)
    expected = np.stack([upright(image) for image in read(stored).numpy()])
    info = probe(path)
    assert info.rotation == degrees
    assert info.size == expected.shape[1:3]
    assert np.array_equal(read(path).numpy(), expected)


def open_files(path: Path) -> int:
    return sum(link.resolve() == path for link in Path("/proc/self/fd").iterdir() if link.exists())


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_file_is_released_however_the_loop_ends(long_gop: Path) -> None:
    def fail() -> None:
        for _ in iterate(long_gop, chunk=4):
            assert open_files(long_gop) == 1
            raise RuntimeError("consumer")

    with pytest.raises(RuntimeError, match="consumer"):
        fail()
    assert open_files(long_gop) == 0
    dropped = iterate(long_gop, chunk=4)
    next(dropped)
    assert open_files(long_gop) == 1
    del dropped
    assert open_files(long_gop) == 0
    assert sum(len(clip) for clip in iterate(long_gop)) == 120
    assert open_files(long_gop) == 0


def test_memory_does_not_grow_with_the_length(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", count=3000, options={"preset": "ultrafast"})
    probe(path)
    tracemalloc.start()
    alive: list[weakref.ref[torch.Tensor]] = []
    count = most = 0
    for clip in iterate(path, chunk=16, overlap=2):
        count += len(clip) - 2
        alive = [ref for ref in [*alive, weakref.ref(clip.frames)] if ref() is not None]
        most = max(most, len(alive))
        del clip
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count + 2 == 3000
    assert most == 1
    assert peak < 3 * 16 * H * W * 3  # a video of 3000 frames has 27 MB; one chunk has 0.15 MB


VTEST = Path("/work/env/vtest.avi")


@pytest.mark.skipif(not VTEST.exists(), reason="needs OpenCV's sample vtest.avi")
def test_odd_but_whole_avi() -> None:
    info = probe(VTEST)
    assert (info.size, info.fps, info.frame_count) == ((576, 768), 10, 795)
    assert torch.equal(read(VTEST, start=790).frames[-3:], read(VTEST, start=792).frames)
    with pytest.raises(InputError, match="does not exist"):
        probe(VTEST.with_suffix(".missing"))
