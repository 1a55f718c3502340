"""Options of `maskreel world` that no other file of tests drives: each has an effect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from maskreel.common import video
from maskreel.common.cli import main
from maskreel.common.datasets import VfpFolder
from maskreel.common.world import MaskStatistics, Splits, TableScene, write_dataset

if TYPE_CHECKING:
    from pathlib import Path

    import torch


def run(*words: object) -> int:
    return main(["-q", "world", *map(str, words)])


def lecture(folder: Path, *options: object) -> torch.Tensor:
    flags = ("--seconds", 8, "--fps", 2, "--size", 72, 128, "--noise", 0)
    assert run("render", "lecture", *flags, *options, "-o", folder) == 0
    return video.read(folder / "video.mkv").frames


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> torch.Tensor:
    return lecture(tmp_path_factory.mktemp("plain"))


@pytest.mark.parametrize(
    "options",
    [
        ("--camera", "handheld"),
        ("--noise", 5),
        ("--exposure-drift", 0.2),
        ("--shadow",),
        ("--never-seen",),
        ("--board", "green"),
        ("--seed", 1),
    ],
)
def test_options_change_a_lecture(options: tuple[object, ...], plain: torch.Tensor, tmp_path: Path) -> None:
    found = lecture(tmp_path, *options)
    assert found.shape == plain.shape
    assert (found.int() - plain.int()).abs().float().mean() > 0.05


def test_split_and_seed_of_the_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is fitted are the masks of that split; train and val show other numbers of objects here."""
    for split, count in (("train", 1), ("val", 5)):
        scene = TableScene(size=(32, 48), objects=(count, count), resting=(count, count))
        write_dataset(scene, tmp_path / split, Splits(**{split: 1}), seed=0, workers=0)
    (tmp_path / "val" / "val").rename(tmp_path / "train" / "val")
    asked: list[tuple[float, int]] = []

    def fitted(wanted: MaskStatistics, *, seed: int, **_: object) -> None:
        asked.append((wanted.objects_per_frame, seed))
        raise KeyboardInterrupt

    monkeypatch.setattr("maskreel.common.world._calibration.calibrate", fitted)
    for options in ((), ("--seed", 7), ("--split", "val")):
        assert run("calibrate", tmp_path / "train", "-o", tmp_path / "scene.json", *options) == 130
    (plain, first), (same, second), (more, third) = asked
    assert (first, second, third) == (0, 7, 0)
    assert plain == same < more


def test_the_fit_leaves_bad_videos_out_if_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_dataset(TableScene(size=(32, 48)), tmp_path, Splits(train=3), seed=0, workers=0)
    (tmp_path / "train/video_1/mask.npy").unlink()

    def fitted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("maskreel.common.world._calibration.calibrate", fitted)
    assert run("calibrate", tmp_path, "-o", tmp_path / "scene.json") == 2
    assert "video_1/mask.npy is missing" in capsys.readouterr().err
    assert run("calibrate", tmp_path, "-o", tmp_path / "scene.json", "--skip-bad") == 130
    assert "video_1: left out" in capsys.readouterr().err


def test_so_many_videos_are_rendered_to_train_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("maskreel.common.training.train", stop)
    assert run("train-maskrcnn", "-o", tmp_path, "--videos", 3, "--unseen", 1) == 130
    assert [len(VfpFolder(tmp_path / "data", split)) for split in ("train", "val")] == [3, 1]
