"""The vfp data set with input and target in folders of their own, as the README of the original project shows it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image

from maskreel.common.datasets import VfpFolder, VfpSequence, holds_videos, observed_videos
from maskreel.common.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SIZE = (8, 12)
SEEN = "image_0.png to image_10.png"


def picture(number: int, index: int) -> np.ndarray:
    pixels = np.zeros((*SIZE, 3), np.uint8)
    pixels[0, 0] = number, index, 7
    return pixels


def label_maps(number: int) -> np.ndarray:
    labels = np.full((22, *SIZE), number, np.uint8)
    labels[np.arange(22), 0, np.arange(22) % SIZE[1]] = np.arange(22)
    return labels


def write_images(folder: Path, number: int, frames: range, first: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame in enumerate(frames, first):
        Image.fromarray(picture(number, frame)).save(folder / f"image_{name}.png")


def write_whole(folder: Path, number: int) -> None:
    """The layout of the course."""
    write_images(folder / f"video_{number}", number, range(22), 0)
    np.save(folder / f"video_{number}/mask.npy", label_maps(number))


def halves(split: Path, number: int, *, future_from: int | None = 11, name: str = "video_{}") -> tuple[Path, Path]:
    """Frames without label maps; `future_from` None: all in input."""
    seen, future = split / "input" / name.format(number), split / "target" / name.format(number)
    write_images(seen, number, range(22 if future_from is None else 11), 0)
    future.mkdir(parents=True)
    if future_from is not None:
        write_images(future, number, range(11, 22), future_from)
    return seen, future


def save_in_target(seen: Path, future: Path, labels: np.ndarray) -> None:
    np.save(future / "mask.npy", labels)


def save_in_input(seen: Path, future: Path, labels: np.ndarray) -> None:
    np.save(seen / "mask.npy", labels)


def save_in_both(seen: Path, future: Path, labels: np.ndarray) -> None:
    np.save(seen / "mask.npy", labels[:11])
    np.save(future / "mask.npy", labels[11:])


def assert_same(video: VfpSequence, number: int) -> None:
    labels = video.labels()
    assert labels is not None
    assert torch.equal(labels, torch.from_numpy(label_maps(number)))
    assert video.frames()[:, :, 0, 0].tolist() == [[number, frame, 7] for frame in range(22)]
    assert video.frames(9, 13)[:, 1, 0, 0].tolist() == [9, 10, 11, 12]
    assert (video.frame_count, video.is_annotated, video.size) == (22, True, SIZE)
    assert video.check() == []


@pytest.mark.parametrize("save", [save_in_target, save_in_input, save_in_both])
@pytest.mark.parametrize("future_from", [11, 0, None])
def test_frames_and_labels_are_those_of_the_course_layout(
    tmp_path: Path, future_from: int | None, save: Callable[[Path, Path, np.ndarray], None]
) -> None:
    for number in (10, 9):
        save(*halves(tmp_path / "val", number, future_from=future_from), label_maps(number))
        write_whole(tmp_path / "together/val", number)
    apart, together = VfpFolder(tmp_path, "val"), VfpFolder(tmp_path / "together", "val")
    assert apart.names == together.names == ("video_9", "video_10")
    for video in (*apart, *together):
        assert_same(video, video.number)


def test_halves_are_found_by_their_numbers(tmp_path: Path) -> None:
    seen, future = halves(tmp_path / "train", 7)
    save_in_target(seen, future, label_maps(7))
    future.rename(future.with_name("video_00007"))
    (tmp_path / "train/target/.DS_Store").write_bytes(b"\0")
    (video,) = VfpFolder(tmp_path, "train")
    assert video.name == "video_7"
    assert_same(video, 7)


def test_splits_without_labels(tmp_path: Path) -> None:
    write_images(tmp_path / "hidden/input/video_3", 3, range(11), 0)
    (tmp_path / "hidden/target/video_3").mkdir(parents=True)
    halves(tmp_path / "unlabeled", 4)
    write_images(tmp_path / "inputs/unlabeled/input/video_5", 5, range(22), 0)
    (hidden,), (unlabeled,) = VfpFolder(tmp_path, "hidden"), VfpFolder(tmp_path, "unlabeled")
    (alone,) = VfpFolder(tmp_path / "inputs", "unlabeled")
    for video, count in ((hidden, 11), (unlabeled, 22), (alone, 22)):
        assert video.frames()[:, 1, 0, 0].tolist() == list(range(count))
        assert video.labels() is None
        assert video.check() == []


FAULTS: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "no future": ("target/video_7/image_15.png", lambda f: f.unlink(), r"is missing, expected image_11.* image_21"),
    "no past": ("input/video_7/image_3.png", lambda f: f.unlink(), rf"is missing, expected {SEEN}"),
    "no masks": ("target/video_7/mask.npy", lambda f: f.unlink(), "is missing, expected one in every video of train"),
    "masks of one half": (
        "target/video_7/mask.npy",
        lambda f: np.save(f, label_maps(7)[11:]),
        "holds 11 masks, expected 22, one for every image",
    ),
    "masks twice": (
        "target/video_7/mask.npy",
        lambda f: np.save(f.parents[2] / "input/video_7/mask.npy", label_maps(7)[:11]),
        "holds 22 masks, expected 11, one for every image",
    ),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_is_named(tmp_path: Path, kind: str) -> None:
    name, spoil, message = FAULTS[kind]
    save_in_target(*halves(tmp_path / "train", 7), label_maps(7))
    spoil(tmp_path / "train" / name)
    (video,) = VfpFolder(tmp_path, "train")
    with pytest.raises(InputError, match=f"train/{name} {message}"):
        (video.labels if name.endswith("npy") else video.frames)()
    (fault,) = video.check()
    assert (fault.sequence, fault.path) == ("video_7", tmp_path / "train" / name)


def test_an_image_that_is_in_both_halves_is_one_too_many(tmp_path: Path) -> None:
    save_in_target(*halves(tmp_path / "train", 7), label_maps(7))
    write_images(tmp_path / "train/input/video_7", 7, range(11, 12), 11)
    write_images(tmp_path / "train/target/video_7", 7, range(1), 0)
    (video,) = VfpFolder(tmp_path, "train")
    assert [str(fault).removeprefix(f"{tmp_path}/train/") for fault in video.check()] == [
        f"input/video_7/image_11.png is one too many, expected {SEEN}",
        "target/video_7/image_0.png is one too many, expected image_11.png to image_21.png",
    ]


def test_a_missing_half_is_a_fault_of_the_video(tmp_path: Path) -> None:
    for number in (7, 8, 9):
        save_in_target(*halves(tmp_path / "train", number), label_maps(number))
    shutil.rmtree(tmp_path / "train/target/video_7")
    shutil.rmtree(tmp_path / "train/input/video_8")
    dataset = VfpFolder(tmp_path, "train", skip_bad=True)
    assert dataset.names == ("video_9",)
    assert [str(fault).removeprefix(f"{tmp_path}/train/") for fault in dataset.skipped] == [
        "target/video_7 holds no images, expected image_11.png to image_21.png",
        "target/video_7/mask.npy is missing, expected one in every video of train",
        f"input/video_8 holds no images, expected {SEEN}",
    ]


def test_other_layouts_are_refused(tmp_path: Path) -> None:
    halves(tmp_path / "train", 7)
    write_whole(tmp_path / "train", 8)
    with pytest.raises(InputError, match="train holds video_8 beside input, expected videos in one of them"):
        VfpFolder(tmp_path, "train")
    (tmp_path / "val/input").mkdir(parents=True)
    with pytest.raises(InputError, match=r"val holds no videos, expected folders named video_0, video_1, \.\.\. in it"):
        VfpFolder(tmp_path, "val")
    halves(tmp_path / "unlabeled", 7)
    (tmp_path / "unlabeled/target/video_007").mkdir()
    with pytest.raises(InputError, match="target holds both video_007 and video_7, expected one folder of each number"):
        VfpFolder(tmp_path, "unlabeled")


def test_observed_frames_of_a_folder_of_any_name(tmp_path: Path) -> None:
    halves(tmp_path / "mine", 10)
    halves(tmp_path / "mine", 9)
    write_whole(tmp_path / "other", 11)
    assert [video.name for video in observed_videos(tmp_path / "mine")] == ["video_9", "video_10"]
    (video,) = observed_videos(tmp_path / "other")
    assert video.frames()[:, 1, 0, 0].tolist() == list(range(11))
    assert [holds_videos(tmp_path / name) for name in ("mine", "other", "mine/input", ".", "mine/input/video_9")] == [
        True,
        True,
        True,
        False,
        False,
    ]
