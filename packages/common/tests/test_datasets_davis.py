"""DAVIS 2016 and 2017 from small trees in the layout of the published archives."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image

from maskreel.common import masks
from maskreel.common.datasets import Davis
from maskreel.common.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

SIZE = (24, 40)
COUNTS = {"bear": 4, "dogs-jump": 6}


def frame(number: int) -> np.ndarray:
    return np.full((*SIZE, 3), (10 + 20 * number, 90, 200), np.uint8)


def labels(number: int) -> torch.Tensor:
    """Object 1 moves, object 3 appears in frame 1, void at the bottom."""
    drawn = torch.zeros(SIZE, dtype=torch.uint8)
    drawn[2:8, number : number + 5] = 1
    if number >= 1:
        drawn[10:15, 20:30] = 3
    drawn[-1] = 255
    return drawn


def write_frames(root: Path, resolution: str) -> None:
    for name, count in COUNTS.items():
        folder = root / "JPEGImages" / resolution / name
        folder.mkdir(parents=True)
        for number in range(count):
            Image.fromarray(frame(number)).save(folder / f"{number:05d}.jpg", quality=95)


def write_list(file: Path, lines: list[str]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(lines) + "\n")


@pytest.fixture
def davis_2017(tmp_path: Path) -> Path:
    write_frames(tmp_path, "480p")
    write_list(tmp_path / "ImageSets/2017/val.txt", list(COUNTS))
    write_list(tmp_path / "ImageSets/2017/train.txt", ["dogs-jump"])
    write_list(tmp_path / "ImageSets/2016/val.txt", ["bear"])
    for name, count in COUNTS.items():
        for number in range(count):
            masks.write_label_png(tmp_path / "Annotations/480p" / name / f"{number:05d}.png", labels(number))
    return tmp_path


@pytest.fixture
def davis_2016(tmp_path: Path) -> Path:
    write_frames(tmp_path, "480p")
    lines = []
    for name, count in COUNTS.items():
        for number in range(count):
            masks.write_binary_png(
                tmp_path / "Annotations/480p" / name / f"{number:05d}.png", masks.binary(labels(number))
            )
            lines.append(f"/JPEGImages/480p/{name}/{number:05d}.jpg /Annotations/480p/{name}/{number:05d}.png ")
    write_list(tmp_path / "ImageSets/480p/val.txt", lines)
    return tmp_path


def test_2017_sequences(davis_2017: Path) -> None:
    dataset = Davis(davis_2017, split="val")
    assert len(dataset) == 2
    assert dataset.names == ("bear", "dogs-jump")
    assert [sequence.name for sequence in dataset] == ["bear", "dogs-jump"]
    assert dataset[1] is dataset["dogs-jump"] is dataset[-1]
    assert dataset[1].frame_count == 6
    assert dataset[1].size == SIZE
    assert dataset[1].is_annotated
    assert Davis(davis_2017, split="train").names == ("dogs-jump",)


def test_2017_frames(davis_2017: Path) -> None:
    sequence = Davis(davis_2017, split="val")["dogs-jump"]
    clip = sequence.frames()
    assert len(clip) == 6
    assert clip.fps == Fraction(24)
    expected = np.stack([frame(number) for number in range(6)]).astype(int)
    assert np.abs(clip.numpy() - expected).max() <= 3  # JPEG; RGB in the right order
    part = sequence.frames(2, 4)
    assert torch.equal(part.frames, clip.frames[2:4])
    assert part.start == Fraction(2, 24)
    assert sequence.frames(-1).start == Fraction(5, 24)


def test_2017_annotations(davis_2017: Path) -> None:
    sequence = Davis(davis_2017, split="val")["bear"]
    expected = torch.stack([labels(number) for number in range(4)])
    assert torch.equal(sequence.labels(), expected)
    assert torch.equal(sequence.labels(1, 3), expected[1:3])
    assert torch.equal(sequence.masks(), (expected == 1) | (expected == 3))
    assert sequence.object_ids == (1, 3)
    # Object 3 is not there yet in frame 0, but keeps its place.
    first = sequence.instances(0, 1)
    assert first.shape == (1, 2, *SIZE)
    assert torch.equal(first[0, 0], expected[0] == 1)
    assert not first[0, 1].any()
    assert torch.equal(sequence.instances()[:, 1], expected == 3)


def test_2016_is_one_object(davis_2016: Path) -> None:
    dataset = Davis(davis_2016, year="2016", split="val")
    assert dataset.names == ("bear", "dogs-jump")
    sequence = dataset["dogs-jump"]
    expected = torch.stack([masks.binary(labels(number)) for number in range(6)])
    assert torch.equal(sequence.masks(), expected)
    assert torch.equal(sequence.labels(), expected.to(torch.uint8))
    assert sequence.object_ids == (1,)
    assert torch.equal(sequence.instances(), expected[:, None])
    assert len(sequence.frames(3)) == 3


def test_2016_split_of_a_2017_archive(davis_2017: Path) -> None:
    dataset = Davis(davis_2017, year="2016", split="val")
    assert dataset.names == ("bear",)
    assert dataset["bear"].object_ids == (1,)
    assert torch.equal(dataset["bear"].masks(), Davis(davis_2017, split="val")["bear"].masks())


def test_full_resolution_is_another_folder(davis_2017: Path) -> None:
    for kind in ("JPEGImages", "Annotations"):
        (davis_2017 / kind / "480p").rename(davis_2017 / kind / "Full-Resolution")
    assert len(Davis(davis_2017, split="val", resolution="Full-Resolution")["bear"].labels()) == 4


def test_test_set_has_the_first_annotation_only(davis_2017: Path) -> None:
    for number in range(1, 4):
        (davis_2017 / f"Annotations/480p/bear/{number:05d}.png").unlink()
    sequence = Davis(davis_2017, split="val")["bear"]
    assert not sequence.is_annotated
    assert sequence.frame_count == 4
    assert torch.equal(sequence.labels(0, 1)[0], labels(0))
    assert sequence.object_ids == (1,)
    for read in (sequence.labels, sequence.masks, sequence.instances):
        with pytest.raises(InputError, match=r"bear/00001\.png does not exist: this frame of bear is not annotated"):
            read()


def test_test_set_without_annotations(davis_2017: Path) -> None:
    (davis_2017 / "Annotations").rename(davis_2017 / "elsewhere")
    sequence = Davis(davis_2017, split="val")["bear"]
    assert len(sequence.frames()) == 4
    assert sequence.object_ids == ()
    with pytest.raises(InputError, match=r"bear/00000\.png does not exist: this frame of bear is not annotated"):
        sequence.masks()


@pytest.mark.parametrize("number", [1, 3])  # in the middle; the last, which only its annotation gives away
def test_missing_frame_is_named(number: int, davis_2017: Path) -> None:
    (davis_2017 / f"JPEGImages/480p/bear/{number:05d}.jpg").unlink()
    with pytest.raises(InputError, match=rf"bear/{number:05d}\.jpg is missing, expected 4 frames without a gap"):
        Davis(davis_2017, split="val")


def test_missing_frame_of_a_2016_list_is_named(davis_2016: Path) -> None:
    (davis_2016 / "JPEGImages/480p/bear/00002.jpg").unlink()
    with pytest.raises(InputError, match=r"bear/00002\.jpg is missing, although it is in the list"):
        Davis(davis_2016, year="2016", split="val")


def test_wrong_sizes_are_named(davis_2017: Path) -> None:
    masks.write_label_png(davis_2017 / "Annotations/480p/bear/00002.png", labels(2)[:, :-1])
    Image.fromarray(frame(0)[:-2]).save(davis_2017 / "JPEGImages/480p/bear/00003.jpg")
    sequence = Davis(davis_2017, split="val")["bear"]
    with pytest.raises(InputError, match=r"bear/00002\.png is 39x24 pixels, expected 40x24 like the first frame"):
        sequence.labels()
    with pytest.raises(InputError, match=r"bear/00003\.jpg is 40x22 pixels, expected 40x24"):
        sequence.frames()


def test_damaged_files_are_named(davis_2017: Path) -> None:
    file = davis_2017 / "JPEGImages/480p/bear/00001.jpg"
    file.write_bytes(file.read_bytes()[:300])
    (davis_2017 / "Annotations/480p/bear/00001.png").write_bytes(b"")
    sequence = Davis(davis_2017, split="val")["bear"]
    with pytest.raises(InputError, match=r"bear/00001\.jpg cannot be read as a picture"):
        sequence.frames()
    with pytest.raises(InputError, match=r"bear/00001\.png is not a PNG file"):
        sequence.labels()
    file.unlink()
    with pytest.raises(InputError, match=r"bear/00001\.jpg does not exist"):
        sequence.frames()


def test_bad_trees_are_explained(davis_2017: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(InputError, match=r"2017/test-dev\.txt does not exist; there are lists for train, val"):
        Davis(davis_2017, split="test-dev")
    other = tmp_path_factory.mktemp("other")
    with pytest.raises(InputError, match=r"val\.txt does not exist; .* does not look like DAVIS 2017"):
        Davis(other, split="val")
    with pytest.raises(InputError, match=r"has no sequence 'cat' in this split, only bear, dogs-jump"):
        Davis(davis_2017, split="val")["cat"]
    write_list(davis_2017 / "ImageSets/2017/more.txt", ["bear", "cat"])
    with pytest.raises(InputError, match=r"480p/cat is missing, although cat is in the list"):
        Davis(davis_2017, split="more")
    (davis_2017 / "JPEGImages/480p/cat").mkdir()
    with pytest.raises(InputError, match=r"480p/cat holds no frames, expected 00000\.jpg"):
        Davis(davis_2017, split="more")
    write_list(davis_2017 / "ImageSets/2016/odd.txt", ["/JPEGImages/480p/bear/00000.jpg"])
    with pytest.raises(InputError, match=r"bear/00000\.jpg' in the list of .* must be a frame and an annotation"):
        Davis(davis_2017, year="2016", split="odd")
