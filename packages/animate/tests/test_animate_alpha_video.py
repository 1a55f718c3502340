from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
import torch
from PIL import Image

from maskreel.animate.alpha_video import AlphaWriter, check_alpha_target
from maskreel.common.errors import InputError
from maskreel.common.video import Clip, probe, write

if TYPE_CHECKING:
    from pathlib import Path

FPS = Fraction(30000, 1001)


def frames(count: int = 5, size: tuple[int, int] = (48, 64)) -> torch.Tensor:
    """A disc that moves to the right, orange on nothing, with a soft edge; colours go on under alpha 0."""
    height, width = size
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    pictures = torch.empty(count, 4, height, width, dtype=torch.uint8)
    pictures[:, :3] = torch.tensor([230, 140, 40], dtype=torch.uint8).view(3, 1, 1)
    for number in range(count):
        distance = ((rows - height / 2) ** 2 + (columns - width / 4 - 3 * number) ** 2).sqrt()
        pictures[number, 3] = ((height / 3 - distance) / 4 + 0.5).clamp(0, 1).mul(255).round().to(torch.uint8)
    return pictures


def read_back(path: Path) -> tuple[torch.Tensor, list[Fraction]]:
    """RGBA of a file, and when each frame is shown; FFmpeg's own VP9 decoder ignores alpha."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        if path.suffix == ".webm":
            decoder = av.CodecContext.create("libvpx-vp9", "r")
            assert isinstance(decoder, av.VideoCodecContext)
            decoded = [frame for packet in container.demux(stream) for frame in decoder.decode(packet)]
        else:
            decoded = list(container.decode(stream))
        matrix = 1 if stream.codec_context.colorspace == 1 else 5
        pixels = [
            frame.reformat(format="rgba", src_colorspace=matrix, dst_colorspace=9).to_ndarray() for frame in decoded
        ]
        assert stream.time_base is not None
        times = [frame.pts * stream.time_base for frame in decoded if frame.pts is not None]
    return torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2), times


def with_sound(path: Path, codec: str = "aac", count: int = 30, *, begin: int = 0) -> Path:
    """A video of `count` frames and a stereo tone as long, from `begin` seconds on."""
    silent = path.with_name("silent.mkv")
    write(silent, Clip(torch.zeros(count, 3, 16, 16, dtype=torch.uint8), FPS), codec="ffv1")
    with av.open(str(path), "w") as out, av.open(str(silent)) as pictures:
        video = out.add_stream("libx264", rate=FPS)
        assert isinstance(video, av.VideoStream)
        video.width = video.height = 16
        sound = out.add_stream(codec, rate=48000)
        assert isinstance(sound, av.AudioStream)
        for number, frame in enumerate(pictures.decode(video=0)):
            picture = av.VideoFrame.from_ndarray(frame.to_ndarray(format="rgb24"), "rgb24")
            picture.pts, picture.time_base = round(begin * FPS) + number, 1 / FPS
            out.mux(video.encode(picture))
        out.mux(video.encode())
        samples = (np.sin(np.arange(round(48000 * count / FPS)) / 20) * 0.3).astype(np.float32)
        for start in range(0, len(samples) - 960, 960):
            tone = av.AudioFrame.from_ndarray(np.stack([samples[start : start + 960]] * 2), "fltp", "stereo")
            tone.sample_rate, tone.pts, tone.time_base = 48000, begin * 48000 + start, Fraction(1, 48000)
            out.mux(sound.encode(tone))
        out.mux(sound.encode())
    return path


def save(path: Path, pictures: torch.Tensor, *, source: Path | None = None) -> None:
    size = pictures.shape[2], pictures.shape[3]
    with AlphaWriter(path, fps=FPS, size=size, copy_streams_from=source) as writer:
        for part in pictures.split(2):
            writer.write(part)


class TestFilms:
    @pytest.mark.parametrize("size", [(48, 64), (47, 63)])
    def test_prores_keeps_alpha_to_a_level(self, tmp_path: Path, size: tuple[int, int]):
        save(tmp_path / "a.mov", frames(size=size))
        back, times = read_back(tmp_path / "a.mov")
        difference = (back.int() - frames(size=size).int()).abs()
        assert difference[:, 3].max() <= 1
        clear = (frames(size=size)[:, 3] == 0) | (frames(size=size)[:, 3] == 255)
        assert difference[:, 3][clear].max() == 0
        assert difference[:, :3].max() <= 3
        assert times == [number / FPS for number in range(5)]

    @pytest.mark.parametrize("size", [(48, 64), (47, 63)])
    def test_vp9_keeps_alpha(self, tmp_path: Path, size: tuple[int, int]):
        save(tmp_path / "a.webm", frames(30, size))
        back, times = read_back(tmp_path / "a.webm")
        difference = (back.int() - frames(30, size).int()).abs().float()
        assert len(back) == 30
        assert difference[:, 3].mean() < 2
        assert difference[:, 3].max() < 60
        assert difference[:, :3].max() <= 4
        assert all(abs(time - number / FPS) <= Fraction(1, 2000) for number, time in enumerate(times))

    @pytest.mark.parametrize(("suffix", "codec"), [(".mov", "prores"), (".webm", "vp9")])
    def test_what_the_file_says(self, tmp_path: Path, suffix: str, codec: str):
        path = tmp_path / f"a{suffix}"
        save(path, frames())
        info = probe(path)
        assert (info.codec, info.fps, info.frame_count, info.size) == (codec, FPS, 5, (48, 64))
        assert (info.colors.matrix, info.colors.range, info.start) == (6, 1, 0)

    @pytest.mark.parametrize("suffix", [".mov", ".webm"])
    def test_the_same_frames_give_the_same_bytes(self, tmp_path: Path, suffix: str):
        for name in ("a", "b"):
            save(tmp_path / f"{name}{suffix}", frames())
        assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()

    def test_frames_of_uneven_length(self, tmp_path: Path):
        times = [Fraction(tick, 10) for tick in (0, 1, 3, 4, 7)]
        with AlphaWriter(tmp_path / "a.mov", fps=Fraction(7), size=(48, 64)) as writer:
            writer.write(frames()[:2], times[:2])
            writer.write(frames()[2:], times[2:])
        assert read_back(tmp_path / "a.mov")[1] == times

    def test_hd_is_tagged_as_such(self, tmp_path: Path):
        pictures = frames(1, (720, 1280))
        save(tmp_path / "a.mov", pictures)
        assert probe(tmp_path / "a.mov").colors.matrix == 1
        assert (read_back(tmp_path / "a.mov")[0].int() - pictures.int()).abs().max() <= 3


class TestFolder:
    def test_images_are_exact(self, tmp_path: Path):
        save(tmp_path / "new" / "frames", frames())
        files = sorted((tmp_path / "new" / "frames").iterdir())
        assert [file.name for file in files] == [f"{number:05}.png" for number in range(5)]
        for file, expected in zip(files, frames(), strict=True):
            with Image.open(file) as image:
                assert image.mode == "RGBA"
                assert torch.equal(torch.from_numpy(np.array(image)).permute(2, 0, 1), expected)

    def test_an_empty_folder_is_taken(self, tmp_path: Path):
        (tmp_path / "frames").mkdir()
        save(tmp_path / "frames", frames(1))
        assert (tmp_path / "frames" / "00000.png").is_file()

    def test_another_folder_is_left_alone(self, tmp_path: Path):
        (tmp_path / "frames").mkdir()
        (tmp_path / "frames" / "dear.txt").write_text("mine")
        with pytest.raises(InputError, match="frames exists already; name a new or empty folder"):
            AlphaWriter(tmp_path / "frames", fps=FPS, size=(48, 64))

    def test_sound_is_left_out(self, tmp_path: Path):
        save(tmp_path / "frames", frames(1), source=with_sound(tmp_path / "a.mp4"))
        assert [file.name for file in (tmp_path / "frames").iterdir()] == ["00000.png"]


class TestSound:
    @pytest.mark.parametrize(("suffix", "codec"), [(".mov", "aac"), (".webm", "libopus")])
    def test_it_is_copied(self, tmp_path: Path, suffix: str, codec: str):
        source = with_sound(tmp_path / "driving.mkv", codec)
        save(tmp_path / f"a{suffix}", frames(30), source=source)
        with av.open(str(tmp_path / f"a{suffix}")) as copy, av.open(str(source)) as original:
            packets, expected = ([bytes(p) for p in c.demux(c.streams.audio[0]) if p.size] for c in (copy, original))
        assert packets == expected
        assert len(packets) > 40

    def test_it_stays_beside_the_frames_of_a_clock_that_begins_late(self, tmp_path: Path):
        source = with_sound(tmp_path / "driving.mkv", begin=3)
        begin = probe(source).start
        assert begin > 2.9
        save(tmp_path / "a.mov", frames(30), source=source)
        assert abs(read_back(tmp_path / "a.mov")[1][0] - begin) < 0.001
        with av.open(str(tmp_path / "a.mov")) as copy:
            first = next(copy.decode(audio=0))
        assert first.time is not None
        assert abs(first.time - begin) < 0.05

    def test_it_is_cut_to_the_frames(self, tmp_path: Path):
        source = with_sound(tmp_path / "driving.mp4")
        save(tmp_path / "a.mov", frames(10), source=source)
        with av.open(str(tmp_path / "a.mov")) as copy:
            sound = copy.streams.audio[0]
            assert sound.duration is not None
            assert sound.time_base is not None
            assert abs(sound.duration * sound.time_base - 10 / FPS) < 0.05

    def test_what_webm_cannot_hold(self, tmp_path: Path):
        source = with_sound(tmp_path / "driving.mp4")
        with pytest.raises(
            InputError, match=r"a\.webm cannot hold the sound or subtitles of .*driving\.mp4; use \.mov"
        ):
            check_alpha_target(tmp_path / "a.webm", copy_streams_from=source)


class TestTarget:
    @pytest.mark.parametrize(("name", "form"), [("a.mov", "prores"), ("a.WEBM", "vp9"), ("frames", "folder")])
    def test_forms(self, tmp_path: Path, name: str, form: str):
        assert check_alpha_target(tmp_path / name) == form

    @pytest.mark.parametrize("name", ["a.mp4", "a.gif", "a.mkv"])
    def test_files_without_transparency(self, tmp_path: Path, name: str):
        with pytest.raises(InputError, match=rf"{name} cannot hold transparency; use \.mov .* \.webm .* or a folder"):
            AlphaWriter(tmp_path / name, fps=FPS, size=(48, 64))

    def test_a_source_that_is_no_video(self, tmp_path: Path):
        (tmp_path / "sound.mp4").write_text("hello")
        with pytest.raises(InputError, match=r"sound\.mp4 is not a video"):
            check_alpha_target(tmp_path / "a.mov", copy_streams_from=tmp_path / "sound.mp4")


@pytest.mark.parametrize("name", ["a.mov", "a.webm", "frames"])
class TestWhole:
    def test_nothing_is_left_of_a_failure(self, tmp_path: Path, name: str):
        def stop_half_way() -> None:
            with AlphaWriter(tmp_path / name, fps=FPS, size=(48, 64)) as writer:
                writer.write(frames())
                raise RuntimeError("stop")

        with pytest.raises(RuntimeError, match="stop"):
            stop_half_way()
        assert list(tmp_path.iterdir()) == []

    def test_the_old_file_stays_until_the_new_one_is_whole(self, tmp_path: Path, name: str):
        with AlphaWriter(tmp_path / name, fps=FPS, size=(48, 64)) as writer:
            writer.write(frames())
            assert not (tmp_path / name).exists()
        assert [path.name for path in tmp_path.iterdir()] == [name]

    def test_no_frame(self, tmp_path: Path, name: str):
        with (
            pytest.raises(ValueError, match="no frame was written to"),
            AlphaWriter(tmp_path / name, fps=FPS, size=(48, 64)) as writer,
        ):
            writer.write(frames(0))
        assert list(tmp_path.iterdir()) == []

    def test_wrong_frames(self, tmp_path: Path, name: str):
        with (
            pytest.raises(ValueError, match=r"frames must be uint8 \(N, 4, 48, 64\), got torch.uint8 \(1, 3, 48, 64\)"),
            AlphaWriter(tmp_path / name, fps=FPS, size=(48, 64)) as writer,
        ):
            writer.write(frames(1)[:, :3])

    def test_outside_its_block(self, tmp_path: Path, name: str):
        writer = AlphaWriter(tmp_path / name, fps=FPS, size=(48, 64))
        with pytest.raises(ValueError, match="is not open; use it in a with block"):
            writer.write(frames(1))
        with writer:
            writer.write(frames(1))
        with pytest.raises(ValueError, match="is not open; use it in a with block"):
            writer.write(frames(1))
