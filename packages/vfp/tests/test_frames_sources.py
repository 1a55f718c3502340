"""What `maskreel vfp train` takes as data."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from maskreel.common import video
from maskreel.common.errors import InputError
from maskreel.common.show import save_image
from maskreel.vfp.frames import SourceConfig
from maskreel.vfp.frames._sources import held_out_of, open_training_clips

if TYPE_CHECKING:
    from pathlib import Path


def frames(seed: int, count: int = 22) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, 3, 16, 24), dtype=torch.uint8, generator=generator)


def write_video(folder: Path, pixels: torch.Tensor) -> None:
    for time, frame in enumerate(pixels):
        save_image(folder / f"image_{time}.png", frame)


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    for split, number in (("train", 2), ("train", 10), ("val", 1000)):
        write_video(tmp_path / f"data/{split}/video_{number}", frames(number))
        np.save(tmp_path / f"data/{split}/video_{number}/mask.npy", np.zeros((22, 16, 24), np.uint8))
    return tmp_path / "data"


@pytest.mark.parametrize("place", ["", "train"])
@pytest.mark.parametrize("decoded", ["disk", "memory", "none"])
def test_splits_of_the_data_set(dataset: Path, tmp_path: Path, place: str, decoded: str) -> None:
    clips = open_training_clips(dataset / place, SourceConfig(decoded=decoded), tmp_path / "cache")  # type: ignore[arg-type]
    assert [clip.shape for clip in clips] == [(22, 3, 16, 24)] * 2
    for _ in range(2):
        for clip, number in zip(clips, (2, 10), strict=True):  # by number, not as text
            assert np.array_equal(clip[:], frames(number))
            assert np.array_equal(clip[3:9], frames(number)[3:9])
            assert np.array_equal(clip[21], frames(number)[21])
    assert len(list((tmp_path / "cache").glob("*.npy"))) == (2 if decoded == "disk" else 0)


def test_val_stands_beside_train(dataset: Path, tmp_path: Path) -> None:
    assert held_out_of(dataset) == held_out_of(dataset / "train") == dataset / "val"
    assert held_out_of(dataset / "val") is None
    assert held_out_of(tmp_path) is None
    write_video(tmp_path / "other/train/video_0", frames(0))
    assert held_out_of(tmp_path / "other") is None


def test_bad_videos_are_left_out_only_when_asked(dataset: Path, tmp_path: Path) -> None:
    (dataset / "train/video_2/image_7.png").write_bytes(b"no picture")
    kept = open_training_clips(dataset, SourceConfig(skip_bad=True, decoded="none"), tmp_path)
    assert len(kept) == 1
    assert np.array_equal(kept[0][:], frames(10))
    with pytest.raises(InputError, match=r"image_7\.png"):
        open_training_clips(dataset, SourceConfig(decoded="memory"), tmp_path)


def test_videos_in_quarantine_are_left_out_and_named(
    dataset: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "bad.txt").write_text("train/video_2  # blurred\nval/video_1000\n")
    config = SourceConfig(quarantine=tmp_path / "bad.txt", decoded="none")
    [kept] = open_training_clips(dataset, config, tmp_path)
    assert np.array_equal(kept[:], frames(10))
    assert "1 of 2 videos: video_2" in caplog.text
    with pytest.raises(InputError, match="val has no video left: all are in quarantine"):
        open_training_clips(dataset / "val", config, tmp_path)


def test_a_new_version_of_a_video_is_decoded_anew(dataset: Path, tmp_path: Path) -> None:
    first = open_training_clips(dataset, SourceConfig(), tmp_path / "cache")
    assert np.array_equal(first[0][:], frames(2))
    for file in (dataset / "train/video_2").glob("image_*"):
        file.unlink()
    write_video(dataset / "train/video_2", frames(77))
    again = open_training_clips(dataset, SourceConfig(), tmp_path / "cache")
    assert np.array_equal(again[0][:], frames(77))


def test_folders_of_videos_and_of_frames(tmp_path: Path) -> None:
    pixels = frames(1, count=30)
    video.write(tmp_path / "clips/film.mkv", video.Clip(pixels, Fraction(10)), codec="ffv1")
    write_video(tmp_path / "clips/images", frames(2, count=24))
    clips = open_training_clips(tmp_path / "clips", SourceConfig(), tmp_path / "cache")
    assert [clip.shape for clip in clips] == [(30, 3, 16, 24), (24, 3, 16, 24)]
    exact = video.read(tmp_path / "clips/film.mkv").frames
    assert np.array_equal(clips[0][5:20], exact[5:20])
    assert np.array_equal(clips[1][12], frames(2, count=24)[12])  # image_12 after image_2


def test_arrays(tmp_path: Path) -> None:
    pixels = torch.stack([frames(0), frames(1)])
    np.save(tmp_path / "clips.npy", pixels.numpy())
    clips = open_training_clips(tmp_path / "clips.npy", SourceConfig(), tmp_path / "cache")
    assert [np.array_equal(clip[:], expected) for clip, expected in zip(clips, pixels, strict=True)] == [True, True]
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    "values", [np.zeros((2, 11, 3, 4, 4), np.uint8), np.zeros((22, 3, 4, 4), np.uint8), np.zeros((2, 22, 3, 4, 4))]
)
def test_refuses_other_arrays(tmp_path: Path, values: np.ndarray) -> None:
    np.save(tmp_path / "clips.npy", values)
    with pytest.raises(InputError, match=r"clips\.npy holds .*, expected clips as uint8 \(N, T, 3, H, W\)"):
        open_training_clips(tmp_path / "clips.npy", SourceConfig(), tmp_path)


def test_refuses_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.npy (does not exist|cannot be read as an \.npy array)"):
        open_training_clips(tmp_path / "none.npy", SourceConfig(), tmp_path)
    with pytest.raises(InputError, match="none is not a folder"):
        open_training_clips(tmp_path / "none", SourceConfig(), tmp_path)
