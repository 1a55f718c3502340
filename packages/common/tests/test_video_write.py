"""Writing, looked at with plain PyAV and read back."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from maskreel.common.errors import InputError
from maskreel.common.video import Clip, ColorTags, VideoInfo, VideoWriter, probe, read, write

NTSC = Fraction(30000, 1001)


def smooth(count: int = 6, height: int = 48, width: int = 64) -> np.ndarray:
    """Gradients that move, as (T, H, W, 3)."""
    t, y, x = np.mgrid[:count, :height, :width]
    return np.stack([x * 2 + t, y * 3 + 20, (x + y) // 2 + 5 * t], axis=-1).clip(0, 255).astype(np.uint8)


def noise(count: int, height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, height, width, 3), dtype=np.uint8)


def clip_of(pixels: np.ndarray, fps: Fraction = NTSC, start: Fraction = Fraction(0)) -> Clip:
    return Clip.from_numpy(pixels, fps, start)


def packet_ticks(path: Path) -> tuple[Fraction, list[int]]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.time_base is not None
        return stream.time_base, sorted(p.pts for p in container.demux(stream) if p.pts is not None)


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.m4v", "a.mkv"])
@pytest.mark.parametrize("size", [(48, 64), (47, 64), (48, 63), (1, 1)])
def test_h264_keeps_count_size_and_rate(tmp_path: Path, name: str, size: tuple[int, int]) -> None:
    path = tmp_path / name
    write(path, clip_of(smooth(7, *size)))
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == (
            "h264",
            "yuv420p" if size == (48, 64) else "yuv444p",
        )
        assert stream.average_rate == NTSC
        frames = list(container.decode(stream))
    assert len(frames) == 7
    assert all((f.height, f.width) == size for f in frames)
    info = probe(path)
    assert (info.size, info.fps, info.frame_count, info.start) == (size, NTSC, 7, 0)
    assert info.duration == 7 / NTSC


@pytest.mark.parametrize("size", [(48, 64), (47, 63), (5, 1)])
def test_ffv1_is_bit_exact_twice(tmp_path: Path, size: tuple[int, int]) -> None:
    pixels = noise(5, *size)
    write(tmp_path / "a.mkv", clip_of(pixels), codec="ffv1")
    once = read(tmp_path / "a.mkv")
    assert np.array_equal(once.numpy(), pixels)
    assert once.fps == NTSC
    write(tmp_path / "b.mkv", once, codec="ffv1")
    assert np.array_equal(read(tmp_path / "b.mkv").numpy(), pixels)
    with av.open(str(tmp_path / "a.mkv")) as container:
        assert container.streams.video[0].codec_context.name == "ffv1"
        assert all(p.is_keyframe for p in container.demux(video=0) if p.size)


@pytest.mark.parametrize(
    ("size", "like", "tags"),
    [
        ((64, 64), None, (6, 1, 6, 6)),
        ((720, 64), None, (6, 1, 6, 6)),
        ((720, 720), None, (1, 1, 1, 1)),
        ((64, 64), ColorTags(1, 1, 1, 1), (1, 1, 1, 1)),
        ((64, 64), ColorTags(6, 2, 1, 13), (6, 2, 1, 13)),
        ((64, 64), ColorTags(2, 0, 2, 2), (2, 0, 2, 2)),
        ((64, 64), ColorTags(0, 2, 1, 13), (6, 1, 6, 6)),
    ],
)
def test_colours_come_back_under_the_right_tags(
    tmp_path: Path, size: tuple[int, int], like: ColorTags | None, tags: tuple[int, int, int, int]
) -> None:
    colours = [(200, 30, 60), (20, 180, 90), (40, 70, 210), (128, 128, 128), (3, 250, 255)]
    pixels = np.stack([np.full((*size, 3), colour, np.uint8) for colour in colours])
    path = tmp_path / "a.mp4"
    write(path, clip_of(pixels), crf=1, like=None if like is None else info_with(like))
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frame = next(container.decode(stream))
        context = stream.codec_context
        assert (frame.colorspace, frame.color_range, context.color_primaries, context.color_trc) == tags
    back = read(path).numpy().astype(int)
    assert np.abs(back - pixels).max() <= 3
    assert probe(path).colors == ColorTags(*tags)


def info_with(colors: ColorTags, aspect: Fraction = Fraction(1)) -> VideoInfo:
    return VideoInfo(
        path=Path("other.mp4"),
        size=(64, 64),
        fps=NTSC,
        frame_count=1,
        duration=1 / NTSC,
        start=Fraction(0),
        variable_frame_rate=False,
        time_base=Fraction(1, 30000),
        codec="h264",
        pixel_format="yuv420p",
        colors=colors,
        sample_aspect_ratio=aspect,
    )


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_shape_of_pixels_is_kept(tmp_path: Path, name: str) -> None:
    like = info_with(ColorTags(), Fraction(16, 15))
    write(tmp_path / name, clip_of(smooth()), like=like)
    assert probe(tmp_path / name).sample_aspect_ratio == Fraction(16, 15)


def test_colours_do_not_drift(tmp_path: Path) -> None:
    """Chroma samples that are written at one place of the pixel grid and read at another move with every copy."""
    clip = clip_of(smooth(4))
    path = tmp_path / "a.mp4"
    for _ in range(4):
        write(path, clip, crf=4)
        clip = read(path)
    drift = clip.numpy().astype(float) - smooth(4)
    assert np.abs(drift.mean(axis=(0, 1, 2))).max() < 0.6
    assert np.abs(drift).mean() < 1


@pytest.mark.parametrize("name", ["a.mp4", "a.mov"])
def test_variable_rate_keeps_every_timestamp(tmp_path: Path, name: str) -> None:
    times = tuple(Fraction(tick, 15360) for tick in (0, 512, 1024, 4097, 5000, 7777))
    clip = Clip.from_numpy(smooth(6), Fraction(12), timestamps=times)
    write(tmp_path / name, clip)
    time_base, ticks = packet_ticks(tmp_path / name)
    assert tuple(tick * time_base for tick in ticks) == times
    assert read(tmp_path / name).times == times


def test_variable_rate_in_matroska_is_rounded_to_milliseconds(tmp_path: Path) -> None:
    times = tuple(Fraction(tick, 15360) for tick in (0, 512, 1024, 4097, 5000, 7777))
    write(tmp_path / "a.mkv", Clip.from_numpy(smooth(6), Fraction(12), timestamps=times))
    assert [round(time * 1000) for time in times] == packet_ticks(tmp_path / "a.mkv")[1]


def test_variable_rate_of_the_source_over_several_clips(tmp_path: Path) -> None:
    times = tuple(Fraction(tick, 15360) for tick in (0, 512, 1024, 4097, 5000, 7777))
    source = Clip.from_numpy(smooth(6), Fraction(12), timestamps=times)
    write(tmp_path / "a.mp4", source)
    info = probe(tmp_path / "a.mp4")
    with VideoWriter(tmp_path / "b.mp4", fps=info.fps, size=info.size, like=info) as writer:
        whole = read(tmp_path / "a.mp4")
        for i in range(0, 6, 2):
            writer.write(whole[i : i + 2])
    assert read(tmp_path / "b.mp4").times == times
    assert probe(tmp_path / "b.mp4").fps == info.fps


def test_a_part_of_a_video_begins_at_zero(tmp_path: Path) -> None:
    clip = clip_of(smooth(8), start=Fraction(7, 3))
    write(tmp_path / "a.mp4", clip[3:])
    assert packet_ticks(tmp_path / "a.mp4") == (Fraction(1, 30000), [1001 * i for i in range(5)])


def test_clips_of_any_layout_are_written(tmp_path: Path) -> None:
    pixels = noise(4, 10, 12)
    planar = Clip(torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous(), NTSC)
    with VideoWriter(tmp_path / "a.mkv", fps=NTSC, size=(10, 12), codec="ffv1") as writer:
        writer.write(planar[:1])
        writer.write(planar[1:1])
        writer.write(planar[1:])
    assert np.array_equal(read(tmp_path / "a.mkv").numpy(), pixels)


@pytest.mark.parametrize("codec", ["h264", "ffv1"])
def test_same_frames_give_the_same_bytes(tmp_path: Path, codec) -> None:
    clip = clip_of(noise(40, 48, 64))
    for name in ("a.mkv", "b.mkv"):
        with VideoWriter(tmp_path / name, fps=NTSC, size=clip.size, codec=codec) as writer:
            step = 40 if name == "a.mkv" else 7
            for i in range(0, 40, step):
                writer.write(clip[i : i + step])
    assert (tmp_path / "a.mkv").read_bytes() == (tmp_path / "b.mkv").read_bytes()


def test_many_runs_give_the_same_bytes(tmp_path: Path) -> None:
    """x264 with AVX-512 gives others in every fifth run or so, in frames as narrow as these."""
    clip = clip_of(smooth(12, 32, 48))
    found = set()
    for _ in range(60):
        write(tmp_path / "a.mkv", clip)
        found.add((tmp_path / "a.mkv").read_bytes())
    assert len(found) == 1


def test_bytes_do_not_depend_on_the_number_of_cores(tmp_path: Path) -> None:
    """x264 chooses its threads by the cores it sees, and its output depends on its threads."""
    script = (
        "import os, sys; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "from maskreel.common.video import read, write; write(sys.argv[2], read(sys.argv[1]))"
    )
    write(tmp_path / "source.mkv", clip_of(noise(30, 160, 160)), codec="ffv1")
    write(tmp_path / "a.mp4", read(tmp_path / "source.mkv"))
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "source.mkv"), str(tmp_path / "b.mp4")], check=True)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_gif_plays_at_the_rate_with_few_errors(tmp_path: Path) -> None:
    pixels = smooth(12)
    write(tmp_path / "a.gif", clip_of(pixels, Fraction(10)))
    with av.open(str(tmp_path / "a.gif")) as container:
        frames = list(container.decode(video=0))
    assert [frame.pts for frame in frames] == [10 * i for i in range(12)]
    back = read(tmp_path / "a.gif")
    assert back.fps == 10
    error = np.abs(back.numpy().astype(int) - pixels)
    assert error.mean() < 6
    assert abs((back.numpy().astype(int) - pixels).mean()) < 1


def test_gif_clips_have_palettes_of_their_own(tmp_path: Path) -> None:
    red, blue = np.zeros((2, 8, 8, 3), np.uint8), np.zeros((2, 8, 8, 3), np.uint8)
    red[..., 0], blue[..., 2] = 201, 203
    with VideoWriter(tmp_path / "a.gif", fps=Fraction(5), size=(8, 8)) as writer:
        writer.write(clip_of(red, Fraction(5)))
        writer.write(clip_of(blue, Fraction(5), Fraction(2, 5)))
    assert np.array_equal(read(tmp_path / "a.gif").numpy(), np.concatenate([red, blue]))


def test_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.mp4"
    with VideoWriter(path, fps=NTSC, size=(48, 64)) as writer:
        writer.write(clip_of(smooth()))
        assert not path.exists()
    assert [p.name for p in path.parent.iterdir()] == ["a.mp4"]


@pytest.mark.parametrize("frames", [0, 5])
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.gif"])
def test_failure_leaves_nothing(tmp_path: Path, name: str, frames: int) -> None:
    def fail() -> None:
        with VideoWriter(tmp_path / name, fps=NTSC, size=(48, 64)) as writer:
            writer.write(clip_of(smooth())[:frames])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_failure_keeps_the_file_that_was_there(tmp_path: Path) -> None:
    write(tmp_path / "a.mp4", clip_of(smooth()))
    before = (tmp_path / "a.mp4").read_bytes()
    with pytest.raises(ValueError, match=r"no frame was written to .*a\.mp4; a video needs at least one"):
        write(tmp_path / "a.mp4", clip_of(smooth())[:0])
    assert (tmp_path / "a.mp4").read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]


def test_memory_does_not_grow_with_the_length(tmp_path: Path) -> None:
    pixels = smooth(20)
    tracemalloc.start()
    with VideoWriter(tmp_path / "a.mp4", fps=Fraction(20), size=(48, 64), preset="ultrafast") as writer:
        for i in range(50):
            writer.write(clip_of(pixels, Fraction(20), Fraction(i)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert probe(tmp_path / "a.mp4").frame_count == 1000
    assert peak < 2 * pixels.nbytes  # all frames have 50 times that


def test_target_is_checked_before_anything_is_written(tmp_path: Path) -> None:
    size, fps = (48, 64), NTSC
    with pytest.raises(InputError, match=r"a\.mp4 cannot hold ffv1; use \.mkv"):
        VideoWriter(tmp_path / "a.mp4", fps=fps, size=size, codec="ffv1")
    with pytest.raises(InputError, match=r"a\.gif cannot hold h264; use \.mp4 or \.m4v or \.mov or \.mkv"):
        VideoWriter(tmp_path / "a.gif", fps=fps, size=size, codec="h264")
    with pytest.raises(InputError, match=r"a\.wmv does not end in a video format; use \.mp4, \.mov, \.mkv or \.gif"):
        VideoWriter(tmp_path / "a.wmv", fps=fps, size=size)
    with pytest.raises(InputError, match=r"frames does not end in a video format"):
        VideoWriter(tmp_path / "frames", fps=fps, size=size)
    with pytest.raises(ValueError, match=r"crf must be from 0 \(best\) to 51, got 60"):
        VideoWriter(tmp_path / "a.mp4", fps=fps, size=size, crf=60)
    assert list(tmp_path.iterdir()) == []


def test_rejects_clips_that_do_not_fit(tmp_path: Path) -> None:
    clip = clip_of(smooth())
    with VideoWriter(tmp_path / "a.mp4", fps=NTSC, size=(48, 64)) as writer:
        writer.write(clip)
        with pytest.raises(ValueError, match=r"clip must have the size of the file, \(48, 64\), got \(10, 64\)"):
            writer.write(clip_of(smooth(2, 10, 64)))
        with pytest.raises(ValueError, match="clip must have the frame rate of the file, 30000/1001 fps, got 30"):
            writer.write(clip_of(smooth(), Fraction(30)))
        with pytest.raises(ValueError, match=r"clips must follow each other in time: a frame at 0\.166833 s"):
            writer.write(clip[5:])
    assert probe(tmp_path / "a.mp4").frame_count == 6
    with pytest.raises(ValueError, match=r"the writer of .*b\.mp4 is not open; use it in a with block"):
        VideoWriter(tmp_path / "b.mp4", fps=NTSC, size=(48, 64)).write(clip)


def test_b_frames_are_in_decoding_order(tmp_path: Path) -> None:
    write(tmp_path / "a.mp4", clip_of(noise(30, 48, 64)))
    with av.open(str(tmp_path / "a.mp4")) as container:
        order = [p.dts for p in container.demux(video=0) if p.dts is not None]
    assert all(a < b for a, b in pairwise(order))
