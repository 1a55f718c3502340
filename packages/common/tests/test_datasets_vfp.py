"""The vfp data set: its layout, and every fault of a file by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import numpy as np
import pytest
import torch
from PIL import Image

from maskreel.common.datasets import VfpFault, VfpFolder, VfpSequence, VfpSplit
from maskreel.common.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SIZE = (16, 24)


def picture(number: int, index: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """Noise, which hardly compresses, so that a cut file lacks pixels; the first pixel tells video and frame."""
    pixels = np.random.default_rng((number, index)).integers(0, 256, (*size, 3), np.uint8)
    pixels[0, 0] = number, index, 7
    return pixels


def label_maps(number: int, count: int = 22, size: tuple[int, int] = SIZE) -> np.ndarray:
    labels = np.zeros((count, *size), np.uint8)
    labels[:, 3:8, 4:9] = 1 + number % 48
    labels[np.arange(count), 0, np.arange(count) % size[1]] = 48
    return labels


def write_video(folder: Path, number: int, *, images: int = 22, masks: bool = True) -> Path:
    folder.mkdir(parents=True)
    for index in range(images):
        Image.fromarray(picture(number, index)).save(folder / f"image_{index}.png")
    if masks:
        np.save(folder / "mask.npy", label_maps(number))
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two numbers that sort differently as text, and what else lies about in real data sets."""
    write_video(tmp_path / "train/video_10", 10)
    write_video(tmp_path / "train/video_9", 9)
    (tmp_path / "train/.DS_Store").write_bytes(b"\0")
    (tmp_path / "train/video_9/.DS_Store").write_bytes(b"\0")
    (tmp_path / "train/video_11").write_text("a file, not a folder")
    (tmp_path / "train/.video_12.part").mkdir()
    (tmp_path / "train/video_12_old").mkdir()
    write_video(tmp_path / "unlabeled/video_11", 11, masks=False)
    write_video(tmp_path / "hidden/video_12", 12, images=11, masks=False)
    return tmp_path


def test_videos_are_in_the_order_of_their_numbers(root: Path) -> None:
    dataset = VfpFolder(root, "train")
    assert dataset.names == ("video_9", "video_10")
    assert [video.number for video in dataset] == [9, 10]
    assert len(dataset) == 2
    assert dataset[0] is dataset["video_9"] is dataset[-2]
    assert dataset.skipped == ()
    assert dataset.check() == []


def test_padded_names_make_the_same_data_set(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("padded")
    write_video(other / "train/video_00009", 9)
    write_video(other / "train/video_00010", 10)
    padded = VfpFolder(other, "train")
    assert padded.names == ("video_00009", "video_00010")
    for one, two in zip(VfpFolder(root, "train"), padded, strict=True):
        assert one.number == two.number
        assert torch.equal(one.frames(), two.frames())


def test_frames_and_labels(root: Path) -> None:
    video = VfpFolder(root, "train")["video_10"]
    frames, labels = video.frames(), video.labels()
    assert labels is not None
    expected = np.stack([picture(10, index) for index in range(22)])
    assert (frames.dtype, labels.dtype) == (torch.uint8, torch.uint8)
    assert np.array_equal(frames.permute(0, 2, 3, 1).numpy(), expected)
    assert np.array_equal(labels.numpy(), label_maps(10))
    assert video.size == SIZE
    assert torch.equal(video.frames(9, 12), frames[9:12])
    assert torch.equal(video.frames(-1), frames[21:])
    part = video.labels(9, 12)
    assert part is not None
    assert torch.equal(part, labels[9:12])
    assert (video.frame_count, video.is_annotated) == (22, True)


@pytest.mark.parametrize(("split", "count"), [("unlabeled", 22), ("hidden", 11)])
def test_splits_without_masks(root: Path, split: VfpSplit, count: int) -> None:
    (video,) = VfpFolder(root, split)
    assert video.labels() is None
    assert (video.frame_count, video.is_annotated) == (count, False)
    assert video.frames().shape == (count, 3, *SIZE)
    assert video.check() == []


def test_colours_come_from_other_kinds_of_png(root: Path) -> None:
    folder = root / "train/video_9"
    flat = np.full((*SIZE, 3), (200, 30, 90), np.uint8)
    Image.fromarray(flat).convert("RGBA").save(folder / "image_3.png")
    Image.fromarray(flat).quantize(4).save(folder / "image_4.png")
    video = VfpFolder(root, "train")["video_9"]
    assert video.frames(3, 5).permute(0, 2, 3, 1).reshape(-1, 3).unique(dim=0).tolist() == [[200, 30, 90]]
    assert video.check() == []


def cut(file: Path, keep: float) -> None:
    data = file.read_bytes()
    file.write_bytes(data[: int(len(data) * keep)])


def flip_byte(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 255
    file.write_bytes(data)


def save_picture(file: Path, *, size: tuple[int, int] = SIZE, mode: str = "RGB") -> None:
    Image.fromarray(picture(0, 0, size)).convert(mode).save(file)


def empty(folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()


def save_archive(file: Path) -> None:
    with file.open("wb") as stream:
        np.savez(stream, a=label_maps(9), b=label_maps(9))


FAULTS: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "no image": ("image_7.png", lambda f: f.unlink(), r"is missing, expected image_0\.png to image_21\.png"),
    "no first image": ("image_0.png", lambda f: f.unlink(), r"is missing, expected image_0\.png to image_21\.png"),
    "cut in the pixels": ("image_7.png", lambda f: cut(f, 0.6), r"cannot be read, it may be cut off or damaged: \w+"),
    "cut in the head": ("image_7.png", lambda f: cut(f, 0.02), r"cannot be read|is not a PNG file"),
    "cut at the end": ("image_7.png", lambda f: cut(f, 0.999), r"cannot be read, it may be cut off or damaged: \w+"),
    "a wrong byte": ("image_7.png", flip_byte, r"cannot be read, it may be cut off or damaged: \w+"),
    "nothing in it": ("image_7.png", lambda f: f.write_bytes(b""), r"is not a PNG file"),
    "a JPEG": ("image_7.png", lambda f: Image.new("RGB", (24, 16)).save(f, "JPEG"), r"is not a PNG file"),
    "grey": ("image_7.png", lambda f: save_picture(f, mode="L"), r"is a picture of mode L, expected 8-bit RGB"),
    "another size": (
        "image_7.png",
        lambda f: save_picture(f, size=(12, 30)),
        r"is 30x12 pixels, expected 24x16 like most images of the video",
    ),
    "another size of the first": (
        "image_0.png",
        lambda f: save_picture(f, size=(12, 30)),
        r"is 30x12 pixels, expected 24x16 like most images of the video",
    ),
    "no masks": ("mask.npy", lambda f: f.unlink(), r"is missing, expected one in every video of train"),
    "masks cut": ("mask.npy", lambda f: cut(f, 0.5), r"cannot be read as an \.npy array: \w+"),
    "masks empty": ("mask.npy", lambda f: f.write_bytes(b""), r"cannot be read as an \.npy array: \w+"),
    "masks of objects": (
        "mask.npy",
        lambda f: np.save(f, np.array([None]), allow_pickle=True),
        r"cannot be read as an \.npy array: \w+",
    ),
    "an archive": ("mask.npy", save_archive, r"is an archive of arrays, expected one \.npy array"),
    "masks of int64": (
        "mask.npy",
        lambda f: np.save(f, label_maps(9).astype(np.int64)),
        r"holds int64 of shape \(22, 16, 24\), expected uint8 of shape \(22, height, width\)",
    ),
    "one mask": ("mask.npy", lambda f: np.save(f, label_maps(9)[0]), r"holds uint8 of shape \(16, 24\), expected"),
    "few masks": (
        "mask.npy",
        lambda f: np.save(f, label_maps(9, count=21)),
        r"holds 21 masks, expected 22, one for every image",
    ),
    "masks of another size": (
        "mask.npy",
        lambda f: np.save(f, label_maps(9, size=(24, 16))),
        r"holds masks of 16x24 pixels, expected 24x16 like the images",
    ),
    "a class too many": (
        "mask.npy",
        lambda f: np.save(f, label_maps(9) + np.uint8(1)),
        r"holds the class id 49, expected 0 to 48",
    ),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_is_named_when_it_is_read_checked_or_skipped(root: Path, kind: str) -> None:
    name, spoil, message = FAULTS[kind]
    file = root / "train/video_9" / name
    spoil(file)
    dataset = VfpFolder(root, "train")
    video = dataset["video_9"]
    with pytest.raises(InputError, match=f"train/video_9/{name} ({message})"):
        (video.labels if name == "mask.npy" else video.frames)()
    (fault,) = video.check()
    assert (fault.sequence, fault.path) == ("video_9", file)
    assert str(fault) == f"{file} {fault.message}"
    assert dataset.check() == [fault]
    rest = VfpFolder(root, "train", skip_bad=True)
    assert rest.names == ("video_10",)
    assert rest[0].name == "video_10"
    assert rest.skipped == (fault,)
    assert rest.check() == []


def test_an_image_too_many_is_a_fault(root: Path) -> None:
    save_picture(root / "train/video_9/image_22.png")
    save_picture(root / "hidden/video_12/image_11.png")
    (fault,) = VfpFolder(root, "train").check()
    assert fault.path.name == "image_22.png"
    assert fault.message == "is one too many, expected image_0.png to image_21.png"
    (fault,) = VfpFolder(root, "hidden").check()
    assert fault.message == "is one too many, expected image_0.png to image_10.png"


def test_an_empty_video_is_one_fault(root: Path) -> None:
    folder = root / "train/video_9"
    empty(folder)
    dataset = VfpFolder(root, "train")
    message = "holds no images, expected image_0.png to image_21.png"
    assert dataset.check() == [VfpFault("video_9", folder, message)]
    with pytest.raises(InputError, match=r"video_9 holds no readable images, expected image_0\.png to image_21\.png"):
        dataset["video_9"].frames()


def test_all_faults_of_a_video_are_listed(root: Path) -> None:
    folder = root / "train/video_9"
    for name in ("image_3.png", "image_20.png", "mask.npy"):
        (folder / name).unlink()
    assert [fault.path.name for fault in VfpFolder(root, "train").check()] == [
        "image_3.png",
        "image_20.png",
        "mask.npy",
    ]


def test_opening_reads_no_file(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a video was looked into")

    monkeypatch.setattr("pathlib.Path.open", refuse)
    monkeypatch.setattr("pathlib.Path.read_bytes", refuse)
    monkeypatch.setattr("pathlib.Path.iterdir", refuse)
    monkeypatch.setattr("numpy.load", refuse)
    dataset = VfpFolder(root, "train")
    assert len(dataset) == 2
    with pytest.raises(AssertionError, match="looked into"):
        dataset[0].check()


@pytest.mark.parametrize("threads", [1, None])
def test_checking_keeps_order_and_tells_its_progress(root: Path, threads: int | None) -> None:
    for number in range(20, 30):
        folder = root / f"train/video_{number}"
        folder.mkdir()
    done: list[int] = []
    faults = VfpFolder(root, "train").check(threads=threads, progress=done.append)
    assert [fault.sequence for fault in faults] == [f"video_{number}" for number in range(20, 30)]
    assert done == [1] * 12
    done.clear()
    assert len(VfpFolder(root, "train", skip_bad=True, progress=done.append)) == 2
    assert done == [1] * 12


def test_unwanted_videos_are_left_out_unread(root: Path) -> None:
    empty(root / "train/video_9")
    dataset = VfpFolder(root, "train", leave_out={9, 77}, skip_bad=True)
    assert dataset.names == ("video_10",)
    assert dataset.skipped == ()


def test_bad_folders_are_explained(root: Path) -> None:
    with pytest.raises(ValueError, match="split must be one of train, val, unlabeled, hidden, got 'test'"):
        VfpFolder(root, "test")  # pyright: ignore[reportArgumentType]
    with pytest.raises(InputError, match=r"val is not a folder, expected the videos of the val split: video_0"):
        VfpFolder(root, "val")
    (root / "val").mkdir()
    with pytest.raises(InputError, match=r"val holds no videos, expected folders named video_0"):
        VfpFolder(root, "val")
    with pytest.raises(InputError, match=r"train has no video 'video_5', expected a name such as video_0"):
        VfpFolder(root, "train")["video_5"]
    (root / "train/video_009").mkdir()
    with pytest.raises(InputError, match=r"train holds both video_009 and video_9, expected one folder of each number"):
        VfpFolder(root, "train")


def test_the_splits_are_those_of_the_layout() -> None:
    assert get_args(VfpSplit) == ("train", "val", "unlabeled", "hidden")
    assert VfpSequence.__dataclass_fields__.keys() == {"folder", "split", "number", "target"}
