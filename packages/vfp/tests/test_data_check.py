"""A data set with one fault or oddity of every kind: each is found, and nothing else."""

from __future__ import annotations

import logging
import re
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from maskreel.common.datasets import VfpFolder
from maskreel.common.errors import InputError
from maskreel.common.world import Splits, TableScene, write_dataset
from maskreel.vfp.data import Finding, Quarantine, check_dataset, open_dataset, open_split, write_quarantine

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SIZE = (64, 96)


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_dataset(TableScene(size=SIZE), folder, Splits(train=3, val=2, unlabeled=1, hidden=1), seed=5, workers=0)
    return folder


@pytest.fixture
def data(rendered: Path, tmp_path: Path) -> Path:
    return shutil.copytree(rendered, tmp_path / "data")


def check(data: Path) -> list[str]:
    return [str(finding) for finding in check_dataset(open_dataset(data), threads=1).findings]


def read(file: Path) -> np.ndarray:
    return np.asarray(Image.open(file))


def exchange(folder: Path, *pairs: tuple[int, int]) -> None:
    """Give images other numbers: each pair is (from, to)."""
    contents = {to: (folder / f"image_{source}.png").read_bytes() for source, to in pairs}
    for to, content in contents.items():
        (folder / f"image_{to}.png").write_bytes(content)


def swap_channels(folder: Path) -> None:
    for index in range(22):
        file = folder / f"image_{index}.png"
        Image.fromarray(np.ascontiguousarray(read(file)[..., ::-1])).save(file)


def drop_object(folder: Path) -> None:
    labels = np.load(folder / "mask.npy")
    present = [np.unique(frame[16:-16, 16:-16]) for frame in labels]
    label = next(int(i) for i in present[8] if i and all(i in other for other in present[5:12]))
    labels[8][labels[8] == label] = 0
    np.save(folder / "mask.npy", labels)


def sort_as_text(folder: Path) -> None:
    order = sorted(map(str, range(22)))
    exchange(folder, *((int(name), place) for place, name in enumerate(order)))


ODDITIES: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "cut": (
        "train/video_1",
        lambda f: (f / "image_3.png").write_bytes((f / "image_3.png").read_bytes()[:200]),
        "file: .*image_3.png cannot be read",
    ),
    "short": (
        "val/video_3",
        lambda f: np.save(f / "mask.npy", np.load(f / "mask.npy")[:20]),
        "file: .*mask.npy holds 20 masks, expected 22",
    ),
    "ids": (
        "val/video_3",
        lambda f: np.save(f / "mask.npy", np.load(f / "mask.npy") * 0 + np.uint8(49)),
        "file: .*mask.npy holds the class id 49",
    ),
    "swapped frames": (
        "unlabeled/video_5",
        lambda f: exchange(f, (9, 10), (10, 9)),
        "order: frames 9 and 10 look swapped",
    ),
    "text order": ("train/video_0", sort_as_text, "order: frames 2 to 21 look sorted as text"),
    "channels": ("train/video_2", swap_channels, "channels: the colours fit .* better with red and blue exchanged"),
    "flicker": ("val/video_4", drop_object, "labels: .* flickers in frame 8"),
}


def test_a_rendered_data_set_is_clean(rendered: Path) -> None:
    done: list[int] = []
    report = check_dataset(open_dataset(rendered), progress=done.append)
    assert report.findings == report.faults == report.suspicions == ()
    assert report.videos == {"train": 3, "val": 2, "unlabeled": 1, "hidden": 1}
    assert done == [1] * 7
    objects = 0
    for video in (*VfpFolder(rendered, "train"), *VfpFolder(rendered, "val")):
        labels = video.labels()
        assert labels is not None
        objects += sum(len(frame.unique()) - 1 for frame in labels)
    assert report.objects == objects


@pytest.mark.parametrize("kind", ODDITIES)
def test_what_is_wrong_with_one_video_is_found(data: Path, kind: str) -> None:
    name, spoil, expected = ODDITIES[kind]
    spoil(data / name)
    (finding,) = check_dataset(open_dataset(data), threads=1).findings
    assert f"{finding.split}/{finding.video}" == name
    assert finding.is_fault == expected.startswith("file")
    assert re.search(expected, str(finding))


def test_repeated_frames_are_found(data: Path) -> None:
    exchange(data / "train/video_0", (4, 12))
    assert "train/video_0: repeat: frames 4 and 12 are equal, though frames between them differ" in check(data)


def test_the_same_video_in_two_splits_is_found(data: Path) -> None:
    shutil.copytree(data / "train/video_1", data / "val/video_77")
    for index in range(11):
        shutil.copy(data / f"val/video_4/image_{index}.png", data / "hidden/video_6")
    assert check(data) == [
        "val/video_77: duplicate: its first 11 frames are those of train/video_1",
        "hidden/video_6: duplicate: its first 11 frames are those of val/video_4",
    ]


def test_events_are_counted_over_the_data_set(data: Path) -> None:
    drop_object(data / "val/video_4")
    report = check_dataset(open_dataset(data, ["val"]))
    assert report.label_events == {"flickers": 1}
    assert report.videos == {"val": 2}


def test_no_data_set(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no data set, expected folders named train, val, unlabeled, hidden"):
        open_dataset(tmp_path)


def test_the_list_is_written_for_a_person_and_read_back(tmp_path: Path) -> None:
    file = tmp_path / "bad.txt"
    write_quarantine(
        file,
        [
            Finding("train", "video_7", "file", "image_3.png is\nmissing"),
            Finding("train", "video_7", "order", "frames 1 and 2 look swapped"),
            Finding("val", "video_00012", "labels", "red rubber cube vanishes in frame 3"),
        ],
    )
    lines = [line for line in file.read_text().splitlines() if "video_" in line]
    assert lines == [
        "train/video_7  # file: image_3.png is missing; order: frames 1 and 2 look swapped",
        "# val/video_00012  # labels: red rubber cube vanishes in frame 3",
    ]
    assert Quarantine.read(file).videos == {("train", 7)}
    file.write_text(file.read_text().replace("# val/", "val/") + "\n  hidden/video_5\n")
    quarantine = Quarantine.read(file)
    assert quarantine.videos == {("train", 7), ("val", 12), ("hidden", 5)}
    assert quarantine.numbers("val") == {12}


def test_a_bad_list_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "bad.txt"
    with pytest.raises(InputError, match=r"bad\.txt does not exist; maskreel vfp check-data --quarantine writes it"):
        Quarantine.read(file)
    file.write_text("# a comment\ntrain/video_7\nvideo_8 # no split\n")
    with pytest.raises(InputError, match=r"bad\.txt line 3 is 'video_8', expected a split and a video such as val/vid"):
        Quarantine.read(file)
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"bad\.txt is not a text file"):
        Quarantine.read(file)


def test_a_split_is_opened_without_the_listed_and_the_bad(data: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = data / "bad.txt"
    file.write_text("train/video_00001\ntrain/video_99\nval/video_3\n")
    (data / "train/video_2/image_0.png").unlink()
    done: list[int] = []
    with caplog.at_level(logging.WARNING):
        videos = open_split(data, "train", quarantine=file, skip_bad=True, progress=done.append)
    assert videos.names == ("video_0",)
    assert done == [1, 1]
    first, second, third, fourth = caplog.messages
    assert first == f"left out of train by {file}: 1 of 3 videos: video_1"
    assert second == f"{file} names videos that train does not have: video_99"
    assert third == "left out of train because of faults: 1 of the videos"
    assert fourth.startswith(f"video_2: {data}/train/video_2/image_0.png is missing")
    assert open_split(data, "train", quarantine=Quarantine(frozenset())).names == ("video_0", "video_1", "video_2")


def test_a_split_of_which_nothing_is_left_is_refused(data: Path) -> None:
    (data / "bad.txt").write_text("val/video_3\nval/video_4\n")
    with pytest.raises(InputError, match="val has no video left: all are in quarantine or have faults"):
        open_split(data, "val", quarantine=data / "bad.txt")
