"""`maskreel vfp stats` and `check-data`: flags, files, exit codes and what a person reads."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

from maskreel.common.cli import run_subcommands
from maskreel.common.datasets import VfpFolder
from maskreel.common.errors import InputError
from maskreel.common.world import MaskStatistics, Splits, TableScene, write_dataset
from maskreel.vfp.commands.check_data import check_data
from maskreel.vfp.commands.stats import stats
from maskreel.vfp.data import ChannelStatistics

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_dataset(TableScene(size=(64, 96)), folder, Splits(train=2, val=1, hidden=1), seed=8, workers=0)
    return folder


@pytest.fixture
def data(rendered: Path, tmp_path: Path) -> Path:
    return shutil.copytree(rendered, tmp_path / "data")


def run(*arguments: object) -> int | None:
    verbs = {"stats": stats, "check-data": check_data}
    return run_subcommands(verbs, [str(argument) for argument in arguments], "maskreel vfp")


def test_the_statistics_of_a_split(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = data / "out/statistics.json"
    assert run("stats", data, "-o", output) == 0
    videos = list(VfpFolder(data, "train"))
    pixels = np.concatenate([video.frames().numpy() for video in videos]).transpose(1, 0, 2, 3).reshape(3, -1) / 255
    found = ChannelStatistics.load(output)
    np.testing.assert_allclose((found.mean, found.std), (pixels.mean(1), pixels.std(1)), rtol=1e-12)
    written = json.loads(output.read_text())
    labels = [video.labels() for video in videos]
    expected = MaskStatistics.measure(map(np.asarray, labels))
    assert (written["videos"], written["frames"], written["split"]) == (2, 44, "train")
    assert written["labels"]["objects_per_frame"] == expected.objects_per_frame
    assert written["labels"]["size"] == [64, 96]
    lines = dict(line.split("  ", 1) for line in capsys.readouterr().out.splitlines())
    assert [float(value) for value in lines["mean of red, green, blue"].split(",")] == pytest.approx(
        found.mean, rel=1e-4
    )
    assert float(lines["copy last"]) == pytest.approx(expected.copy_last, rel=1e-4)


def test_a_split_without_labels_and_without_some_videos(data: Path, tmp_path: Path) -> None:
    assert run("stats", data, "--split", "hidden", "-o", tmp_path / "hidden.json") == 0
    assert json.loads((tmp_path / "hidden.json").read_text())["labels"] is None
    assert run("stats", data, "--no-labels", "-o", tmp_path / "frames.json") == 0
    assert json.loads((tmp_path / "frames.json").read_text())["labels"] is None
    (data / "bad.txt").write_text("train/video_0\n")
    assert run("stats", data, "--quarantine", data / "bad.txt", "-o", tmp_path / "one.json") == 0
    assert json.loads((tmp_path / "one.json").read_text())["videos"] == 1
    (data / "train/video_1/image_4.png").unlink()
    with pytest.raises(InputError, match=r"video_1/image_4\.png is missing"):
        run("stats", data, "-o", tmp_path / "two.json")
    assert run("stats", data, "--skip-bad", "-o", tmp_path / "two.json") == 0
    assert json.loads((tmp_path / "two.json").read_text())["videos"] == 1


def test_statistics_of_masks_without_objects_are_json(data: Path, tmp_path: Path) -> None:
    np.save(data / "val/video_2/mask.npy", np.zeros((22, 64, 96), np.uint8))
    assert run("stats", data, "--split", "val", "-o", tmp_path / "s.json") == 0
    labels = json.loads((tmp_path / "s.json").read_text(), parse_constant=pytest.fail)["labels"]
    assert labels["object_area"] is None
    assert labels["displacements"] == [None] * 5
    assert labels["objects_per_frame"] == 0


def test_statistics_that_cannot_be(data: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"s\.txt must end in \.json"):
        run("stats", data, "-o", tmp_path / "s.txt")
    shutil.rmtree(data / "train/video_1")
    write_dataset(TableScene(size=(32, 48)), tmp_path / "small", Splits(train=1), seed=1, workers=0)
    shutil.copytree(tmp_path / "small/train/video_0", data / "train/video_1")
    with pytest.raises(InputError, match="video_1 has frames of 48x32 pixels, expected 96x64 like video_0; --no"):
        run("stats", data, "-o", tmp_path / "s.json")
    assert run("stats", data, "--no-labels", "-o", tmp_path / "s.json") == 0


def test_a_clean_data_set(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check-data", data) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == "videos: 2 train, 1 val, 1 hidden; 0 with faults, 0 suspicious"
    assert second.endswith("objects in all frames together; none is odd")
    assert run("check-data", data, "--split", "val", "hidden") == 0
    assert capsys.readouterr().out.startswith("videos: 1 val, 1 hidden; ")


def test_faults_and_suspicions_are_listed_and_quarantined(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (data / "train/video_1/image_4.png").unlink()
    for index in range(11):
        shutil.copy(data / f"train/video_0/image_{index}.png", data / "hidden/video_3")
    file = data / "bad.txt"
    assert run("check-data", data, "--quarantine", file, "--threads", 1) == 1
    assert capsys.readouterr().out.splitlines()[:7] == [
        "fault: missing, damaged or misfit files",
        f"  train/video_1: {data}/train/video_1/image_4.png is missing, expected image_0.png to image_21.png",
        "",
        "suspicious: the first 11 frames of another video",
        "  hidden/video_3: its first 11 frames are those of train/video_0",
        "",
        "videos: 2 train, 1 val, 1 hidden; 1 with faults, 1 suspicious",
    ]
    active = [line for line in file.read_text().splitlines() if not line.startswith("#")]
    assert [line.split()[0] for line in active] == ["train/video_1"]
    assert "# hidden/video_3  # duplicate: " in file.read_text()
    file.write_text("train/video_0  # my own\n")
    with pytest.raises(InputError, match=r"bad\.txt exists and may have been edited; choose another name"):
        run("check-data", data, "--quarantine", file)
    assert file.read_text() == "train/video_0  # my own\n"
    assert run("check-data", data, "--quarantine", file, "--overwrite") == 1
    assert "train/video_1  # file: " in file.read_text()


def test_suspicions_alone_are_no_failure(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(data / "train/video_0", data / "val/video_50")
    assert run("check-data", data) == 0
    assert "val/video_50: its first 11 frames are those of train/video_0" in capsys.readouterr().out


def test_threads_are_a_positive_number(data: Path) -> None:
    with pytest.raises(InputError, match="--threads must be 1 or more, got 0"):
        run("check-data", data, "--threads", 0)
