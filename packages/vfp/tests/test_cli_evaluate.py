"""`maskreel vfp evaluate`, with a forecaster that looks the clips up."""

from __future__ import annotations

import json
import logging
import re
import shutil
import sys
from importlib import import_module
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from maskreel.common.cli import run_subcommands
from maskreel.common.datasets import VfpFolder
from maskreel.common.errors import InputError
from maskreel.common.world import Splits, TableScene, write_dataset
from maskreel.vfp.commands.evaluate import evaluate

if TYPE_CHECKING:
    from pathlib import Path

    from maskreel.vfp.config import ForecastConfig


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_dataset(TableScene(size=(64, 96)), folder, Splits(train=1, val=3), seed=0, workers=0)
    return folder


@pytest.fixture
def configs(data: Path, monkeypatch: pytest.MonkeyPatch) -> list[ForecastConfig]:
    """Puts a stub for small clips in place of the forecaster: "objects" is right, "frames" predicts frames, too.

    Returns the configurations that it was made with.
    """
    videos = {
        video.frames(0, 1).numpy().tobytes(): video for split in ("train", "val") for video in VfpFolder(data, split)
    }
    made: list[ForecastConfig] = []

    class Stub:
        def __init__(self, config: ForecastConfig) -> None:
            made.append(config)
            self._method = config.method

        def forecast(self, frames: torch.Tensor, *, observed: torch.Tensor | None = None) -> SimpleNamespace:
            video = videos[frames[:1].numpy().tobytes()]
            labels = video.labels()
            assert labels is not None
            found = labels[:11].roll(1, -1) if observed is None else observed
            future = labels[21] if self._method == "objects" else found[0].roll(20, 0)
            frames_out = video.frames(11) if self._method == "frames" else None
            return SimpleNamespace(labels=future, observed=found, frames=frames_out)

    module = ModuleType("maskreel.vfp.forecaster")
    module.MaskForecaster = Stub  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "maskreel.vfp.forecaster", module)
    monkeypatch.setattr(import_module("maskreel.vfp.commands.evaluate"), "SIZE", (64, 96))
    return made


def run(*arguments: object) -> int | None:
    return run_subcommands({"evaluate": evaluate}, ["evaluate", *map(str, arguments)], "maskreel vfp")


def table(text: str) -> dict[str, list[str]]:
    """Name -> cells of the first table that was printed."""
    lines = text.split("\n\n")[0].splitlines()
    return {cells[0]: cells[1:] for cells in (re.split(r"  +", line) for line in lines)}


def test_baselines_and_bounds_stand_beside_the_score(
    data: Path,
    configs: list[ForecastConfig],
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert run(data, "--method", "objects", "--futures", 7, "--resamples", 20) == 0
    assert [(config.method, config.futures) for config in configs] == [("objects", 7)]
    text = capsys.readouterr().out
    found = table(text)
    assert list(found)[1:] == [
        "objects",
        "copy-last",
        "constant velocity",
        "copy-last, true masks",
        "constant velocity, true masks",
        "objects, true masks",
        "perfect on seen objects",
    ]
    assert found["objects"][0] == "1.000"
    assert re.search(r"segmentation of the observed frames: iou 0\.\d{3}\n", text)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "generated: their scores may not be set against scores on the real data set" in caplog.text


def test_losing_to_copy_last_is_a_warning(
    data: Path, configs: list[ForecastConfig], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    real = tmp_path / "real"
    shutil.copytree(data, real, ignore=shutil.ignore_patterns("world.json"))
    assert run(real, "--method", "masks", "--resamples", 20) == 0
    (warning,) = caplog.messages
    assert warning.startswith("masks scores 0.")
    assert "less than copy-last" in warning


def test_methods_are_compared_and_everything_is_written(
    data: Path, configs: list[ForecastConfig], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    assert run(data, "--compare", "objects", "frames", "objects", "-o", output, "--resamples", 20) == 0
    assert [config.method for config in configs] == ["objects", "frames"]
    assert sorted(path.name for path in output.iterdir()) == ["frames.npy", "objects.npy", "report.html", "scores.json"]
    text = capsys.readouterr().out
    assert "frames, true masks" not in text
    assert "linear extrapolation" in text
    truth = [labels[21] for video in VfpFolder(data, "val") if (labels := video.labels()) is not None]
    assert np.array_equal(np.load(output / "objects.npy"), torch.stack(truth).numpy())
    scores = json.loads((output / "scores.json").read_text())
    assert (scores["split"], scores["generated"], scores["clips"]) == ("val", True, ["video_1", "video_2", "video_3"])
    assert [one["name"] for one in scores["standings"][:3]] == ["objects", "frames", "copy-last"]
    assert scores["config"]["futures"] == 128
    assert f"{scores['standings'][1]['score']['iou']:.3f}" == table(text)["frames"][0]
    assert "objects, frames: forecasts of 3 clips" in (output / "report.html").read_text()


def test_own_masks_are_scored(
    data: Path, configs: list[ForecastConfig], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    maps = [labels for video in VfpFolder(data, "val") if (labels := video.labels()) is not None]
    torch.save(torch.stack([labels[21] for labels in maps]), tmp_path / "mine.pt")
    np.save(tmp_path / "last.npy", torch.stack([labels[10] for labels in maps]).numpy())
    assert run(data, "--prediction", tmp_path / "mine.pt", "--resamples", 20) == 0
    perfect = table(capsys.readouterr().out)
    assert perfect["mine.pt"][0] == "1.000"
    assert list(perfect)[2:] == ["copy-last, true masks", "constant velocity, true masks", "perfect on seen objects"]
    assert run(data, "--prediction", tmp_path / "last.npy", "-o", tmp_path / "out", "--resamples", 20) == 0
    copied = table(capsys.readouterr().out)
    assert copied["last.npy"][0] == copied["copy-last, true masks"][0] == perfect["copy-last, true masks"][0]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["report.html", "scores.json"]
    assert configs == []


def test_oracle_and_split_can_be_chosen(
    data: Path, configs: list[ForecastConfig], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(data, "--method", "objects", "--no-oracle", "--split", "train", "--resamples", 20) == 0
    assert "objects, true masks" not in capsys.readouterr().out


def test_bad_videos(
    data: Path,
    configs: list[ForecastConfig],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    broken, output = tmp_path / "broken", tmp_path / "out"
    shutil.copytree(data, broken)
    (broken / "val" / "video_2" / "image_5.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"image_5\.png"):
        run(broken, "--method", "objects", "-o", output)
    assert not output.exists(), "half of the masks were written"
    assert run(broken, "--method", "objects", "--skip-bad", "-o", output, "--resamples", 20) == 0
    assert "video_2" in caplog.text
    assert json.loads((output / "scores.json").read_text())["clips"] == ["video_1", "video_3"]
    (tmp_path / "list.txt").write_text("val/video_2\nval/video_1\n")
    run(broken, "--method", "objects", "--quarantine", tmp_path / "list.txt", "-o", output, "--resamples", 20)
    assert json.loads((output / "scores.json").read_text())["clips"] == ["video_3"]


def test_size_must_not_change(data: Path, configs: list[ForecastConfig], tmp_path: Path) -> None:
    mixed, small = tmp_path / "mixed", tmp_path / "small"
    shutil.copytree(data, mixed)
    write_dataset(TableScene(size=(32, 48)), small, Splits(val=1), seed=0, workers=0)
    shutil.copytree(small / "val" / "video_0", mixed / "val" / "video_9")
    np.save(tmp_path / "masks.npy", np.zeros((4, 64, 96), np.uint8))
    for options in (("--method", "objects"), ("--prediction", tmp_path / "masks.npy")):
        with pytest.raises(InputError, match="video_9 has frames of 48x32 pixels, expected 96x64"):
            run(mixed, *options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--resamples", 0), "--resamples must be 1 or more, got 0"),
        (("--prediction", "x.npy", "--compare", "objects"), "give one of the two"),
        (("--prediction", "x.npy"), r"x.npy is not a file"),
    ],
)
def test_mistakes_are_told(data: Path, options: tuple[object, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        run(data, *options)
