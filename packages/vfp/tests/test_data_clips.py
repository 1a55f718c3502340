"""11 observed frames from every kind of input; the red value of every frame tells its number."""

from __future__ import annotations

import logging
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image

from maskreel.common.errors import InputError
from maskreel.common.video import Clip, write
from maskreel.vfp.data import ObservedClip, Quarantine, open_clips

if TYPE_CHECKING:
    from pathlib import Path

    from maskreel.vfp.data import Clips

SIZE = (160, 240)
SMALL = (16, 24)


def pictures(count: int, size: tuple[int, int] = SMALL, *, base: int = 0) -> np.ndarray:
    """uint8 (T, H, W, 3): red is the number of the frame, green a ramp to the right, blue 7."""
    frames = np.full((count, *size, 3), 7, np.uint8)
    frames[..., 0] = base + np.arange(count)[:, None, None]
    frames[..., 1] = np.arange(size[1])
    return frames


def write_images(folder: Path, count: int, *, base: int = 0, name: str = "image_{}.png") -> Path:
    folder.mkdir(parents=True)
    for index, picture in enumerate(pictures(count, base=base)):
        Image.fromarray(picture).save(folder / name.format(index))
    return folder


def write_video(path: Path, count: int, fps: Fraction) -> Path:
    """Lossless, and 3 levels from frame to frame."""
    frames = pictures(count)
    frames[..., 0] *= 3
    write(path, Clip.from_numpy(frames, fps), codec="ffv1")
    return path


def reds(clips: Clips, scale: int = 1) -> dict[str, list[int]]:
    found = {}
    for clip in clips.iterate():
        assert clip.pictures.dtype == torch.uint8
        assert clip.pictures.shape[:2] == (11, 3)
        assert clip.pictures[:, 2].unique().tolist() == [7]
        found[clip.name] = [round(value / scale) for value in clip.pictures[:, 0, 0, 0].tolist()]
    assert tuple(found) == clips.names
    return found


def span(start: int, step: int = 1) -> list[int]:
    return list(range(start, start + 11 * step, step))


@pytest.mark.parametrize(("split", "count"), [("val", 22), ("hidden", 11), ("mine", 22)])
def test_a_split_gives_the_observed_frames_in_the_order_of_numbers(tmp_path: Path, split: str, count: int) -> None:
    for number in (10, 9):
        write_images(tmp_path / split / f"video_{number}", count, base=number)
    clips = open_clips(tmp_path / split)
    assert reds(clips) == {"video_9": span(9), "video_10": span(10)}
    assert [clip.name for clip in clips.iterate(1)] == ["video_10"]
    assert reds(open_clips(tmp_path / split / "video_9")) == {"video_9": span(9)}


def test_a_split_in_two_parts(tmp_path: Path) -> None:
    write_images(tmp_path / "val/input/video_7", 11, base=3)
    assert reds(open_clips(tmp_path / "val")) == {"video_7": span(3)}


def test_a_split_without_the_listed_videos(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for number in (1, 2):
        write_images(tmp_path / f"val/video_{number}", 11, base=number)
    with caplog.at_level(logging.WARNING):
        clips = open_clips(tmp_path / "val", quarantine=Quarantine(frozenset({("val", 1), ("train", 2)})))
    assert reds(clips) == {"video_2": span(2)}
    assert caplog.messages == ["left out of val by the quarantine list: 1 of 2 videos: video_1"]
    with pytest.raises(InputError, match="val has no video left: all are in quarantine"):
        open_clips(tmp_path / "val", quarantine=Quarantine(frozenset({("val", 1), ("val", 2)})))


def test_images_end_with_the_last_one(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "take", 30, name="{:04d}.png")
    assert reds(open_clips(folder)) == {"take": span(19)}
    assert reds(open_clips(folder, stride=2)) == {"take": span(9, 2)}
    assert reds(open_clips(folder, every=8)) == {
        "take_000010": span(0),
        "take_000018": span(8),
        "take_000026": span(16),
    }
    assert reds(open_clips(folder, stride=2, every=2)) == {
        "take_000020": span(0, 2),
        "take_000024": span(4, 2),
        "take_000028": span(8, 2),
    }
    assert [clip.name for clip in open_clips(folder, every=8).iterate(1)] == ["take_000018", "take_000026"]
    assert [clip.pictures[0, 0, 0, 0].item() for clip in open_clips(folder, every=8).iterate(1)] == [8, 16]


@pytest.mark.parametrize(("fps", "step"), [(25, 5), (10, 2), (Fraction(30000, 1001), 6), (5, 1)])
def test_a_video_is_sampled_at_the_steps_of_the_data_set(tmp_path: Path, fps: Fraction, step: int) -> None:
    path = write_video(tmp_path / "film.mkv", 75, Fraction(fps))
    clips = open_clips(path)
    assert reds(clips, 3) == {"film": span(74 - 10 * step, step)}
    (clip,) = clips.iterate()
    assert clip.fps == Fraction(fps) / step
    assert reds(open_clips(path, stride=3), 3) == {"film": span(44, 3)}


def test_a_rolling_forecast_goes_through_the_whole_video(tmp_path: Path) -> None:
    path = write_video(tmp_path / "film.mkv", 75, Fraction(25))
    assert reds(open_clips(path, every=2), 3) == {
        "film_000050": span(0, 5),
        "film_000060": span(10, 5),
        "film_000070": span(20, 5),
    }


def test_a_slow_video_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write_video(tmp_path / "film.mkv", 11, Fraction(2))
    with caplog.at_level(logging.WARNING):
        assert reds(open_clips(path), 3) == {"film": span(0)}
    assert caplog.messages == [f"{path}: its frames are 0.500 s apart, forecasters know 0.195 s"]


def test_a_folder_of_many_things(tmp_path: Path) -> None:
    write_video(tmp_path / "b.mkv", 20, Fraction(5))
    write_images(tmp_path / "a", 12, name="{:04d}.png")
    (tmp_path / "notes.txt").write_text("not a video")
    clips = open_clips(tmp_path, every=1)
    assert clips.names[:3] == ("a_000010", "a_000011", "b_000010")
    assert [clip.name for clip in clips.iterate(1)] == list(clips.names[1:])
    assert [clip.name for clip in clips.iterate(5)] == list(clips.names[5:])
    assert open_clips(tmp_path).names == ("a", "b")


LAYOUTS = {
    "series, last": lambda frames: frames,
    "series, first": lambda frames: frames.transpose(0, 3, 1, 2),
    "floats": lambda frames: (frames / 255).astype(np.float32),
    "half floats": lambda frames: (frames / 255).astype(np.float16),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_series_in_an_array(tmp_path: Path, layout: str) -> None:
    path = tmp_path / "frames.npy"
    np.save(path, LAYOUTS[layout](pictures(25)))
    assert reds(open_clips(path)) == {"frames": span(14)}
    assert reds(open_clips(path, stride=2)) == {"frames": span(4, 2)}
    assert list(reds(open_clips(path, every=7)).values()) == [span(0), span(7), span(14)]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_clips_in_an_array(tmp_path: Path, layout: str) -> None:
    path = tmp_path / "clips.npy"
    np.save(path, np.stack([LAYOUTS[layout](pictures(11, base=base)) for base in (0, 50)]))
    clips = open_clips(path)
    assert reds(clips) == {"clips_000000": span(0), "clips_000001": span(50)}
    assert [clip.name for clip in clips.iterate(1)] == ["clips_000001"]


def test_floats_are_rounded() -> None:
    from pathlib import Path

    from maskreel.vfp.data._array_frames import as_pictures

    values = np.array([0.0, 0.5, 1.0], np.float32).reshape(3, 1, 1) + np.array([[0, 1e-5]], np.float32)
    assert as_pictures(Path("x.npy"), values).reshape(3, -1).tolist() == [[0, 0], [128, 128], [255, 255]]


def test_other_sizes_are_scaled_and_masks_scaled_back() -> None:
    large = torch.zeros(11, 3, 320, 480, dtype=torch.uint8)
    large[:, :, 100:200, 200:300] = 200
    clip = ObservedClip("large", large)
    expected = torch.nn.functional.avg_pool2d(large.float(), 2).round().to(torch.uint8)
    assert torch.equal(clip.frames, expected)
    labels = torch.zeros(SIZE, dtype=torch.uint8)
    labels[50:100, 100:150] = 5
    assert torch.equal(clip.at_its_size(labels), (large[0, 0] // 40))
    assert torch.equal(clip.at_its_size(labels.expand(11, -1, -1)), (large[:, 0] // 40))
    same = ObservedClip("same", expected)
    assert same.frames is expected
    assert torch.equal(same.at_its_size(labels), labels)
    small = ObservedClip("small", large[:, :, ::4, ::4].contiguous())
    assert small.frames.shape == (11, 3, *SIZE)
    assert clip.narrowed(240).size == SIZE
    assert clip.narrowed(480) is clip


def test_what_cannot_be_forecast_from_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing does not exist, expected a split of the data set, frames, a video"):
        open_clips(tmp_path / "nothing")
    few = write_images(tmp_path / "few", 10, name="{:04d}.png")
    with pytest.raises(InputError, match=r"few has 10 frames, expected 11 or more$"):
        open_clips(few)
    film = write_video(tmp_path / "film.mkv", 30, Fraction(25))
    with pytest.raises(InputError, match=r"has 30 frames, 6 in steps of 5, expected 11 or more \(a smaller --stride"):
        open_clips(film)
    write_images(tmp_path / "data/val/video_1", 11)
    with pytest.raises(InputError, match=r"data holds the splits val, expected one of them, such as .*data/val"):
        open_clips(tmp_path / "data")
    with pytest.raises(InputError, match="val holds clips of 11 observed frames, so --stride has no meaning"):
        open_clips(tmp_path / "data/val", stride=2)
    with pytest.raises(InputError, match="val holds clips of 11 observed frames, so --every has no meaning"):
        open_clips(tmp_path / "data/val", every=2)
    with pytest.raises(ValueError, match="stride must be 1 or more, got 0"):
        open_clips(few, stride=0)
    with pytest.raises(ValueError, match="every must be 1 or more, got 0"):
        open_clips(few, every=0)
    with pytest.raises(InputError, match=r"film\.mkv is no split of the data set, so --quarantine has no meaning"):
        open_clips(film, quarantine=Quarantine(frozenset()))
    with pytest.raises(ValueError, match=r"pictures must be uint8 of shape \(11, 3, H, W\), got torch\.float32"):
        ObservedClip("a", torch.zeros(11, 3, 4, 4))


BAD_ARRAYS = {
    "int64": (np.zeros((11, 3, 4, 4), np.int64), r"holds int64 of shape .*, expected uint8, or floats in 0 to 1"),
    "grey": (np.zeros((11, 4, 4), np.uint8), r"holds uint8 of shape \(11, 4, 4\), expected \(T, 3, H, W\)"),
    "both": (np.zeros((11, 3, 4, 3), np.uint8), r"holds uint8 of shape \(11, 3, 4, 3\), expected \(T, 3, H, W\)"),
    "whole clips": (
        np.zeros((2, 22, 3, 4, 4), np.uint8),
        r"holds clips of 22 frames, expected 11, such as array\[:",
    ),
    "few": (np.zeros((9, 3, 4, 4), np.uint8), r"has 9 frames, expected 11 or more"),
}


@pytest.mark.parametrize("kind", BAD_ARRAYS)
def test_other_arrays_are_refused(tmp_path: Path, kind: str) -> None:
    array, message = BAD_ARRAYS[kind]
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(InputError, match=rf"a\.npy {message}"):
        open_clips(tmp_path / "a.npy")


def test_other_values_and_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    for value, found in ((200.0, "0 to 200"), (-0.2, "-0.2 to 0"), (float("nan"), "nan to nan")):
        array = np.zeros((11, 3, 4, 4), np.float32)
        array[3, 0, 0, 0] = value
        np.save(path, array)
        with pytest.raises(InputError, match=rf"a\.npy holds values from {found}, expected uint8, or floats in 0 to 1"):
            list(open_clips(path).iterate())
    path.write_bytes(b"no array")
    with pytest.raises(InputError, match=r"a\.npy cannot be read as an \.npy array"):
        open_clips(path)
    with path.open("wb") as file:
        np.savez(file, a=np.zeros(3))
    with pytest.raises(InputError, match=r"a\.npy is an archive of arrays"):
        open_clips(path)


def test_long_videos_are_streamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Never more frames are alive than 11 sampled ones and a chunk of the reader."""
    from maskreel.vfp.data import _frame_series

    alive: list[int] = []
    reading = _frame_series.VideoSeries.read

    def counted(self: _frame_series.VideoSeries, start: int, step: int) -> object:
        for number, frame in enumerate(reading(self, start, step)):
            assert frame.untyped_storage().nbytes() == frame.numel()  # no view that keeps a chunk
            alive.append(number)
            yield frame

    monkeypatch.setattr(_frame_series.VideoSeries, "read", counted)
    path = write_video(tmp_path / "film.mkv", 80, Fraction(5))
    clips = open_clips(path, every=1).iterate()
    next(clips)
    assert alive == list(range(11))
    next(clips)
    assert alive == list(range(12))
