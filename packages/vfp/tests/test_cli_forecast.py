"""`maskreel vfp forecast`: any input in, masks and pictures out. A stand-in forecasts that frame 10 stays."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image

from maskreel.common.cli import run_subcommands
from maskreel.common.errors import InputError
from maskreel.common.masks import read_label_png
from maskreel.common.video import Clip, write
from maskreel.vfp.commands.forecast import forecast
from maskreel.vfp.data import check_leaderboard
from maskreel.vfp.forecaster import Forecast
from maskreel.vfp.occupancy import Occupancy

if TYPE_CHECKING:
    from pathlib import Path

    from maskreel.vfp.config import ForecastConfig

SIZE = (160, 240)


class StandIn:
    """Takes bright pixels for class 10 and says that they stay; fails at the clip whose turn is `fails_at`."""

    configs: list[ForecastConfig]
    calls: int
    fails_at: int

    def __init__(self, config: ForecastConfig) -> None:
        StandIn.configs.append(config)

    def forecast(self, frames: torch.Tensor) -> Forecast:
        assert frames.dtype == torch.uint8
        assert frames.shape == (11, 3, *SIZE)
        if StandIn.calls == StandIn.fails_at:
            raise KeyboardInterrupt
        StandIn.calls += 1
        observed = (frames[:, 0] > 200).to(torch.uint8) * 10
        return Forecast(observed[-1], observed, Occupancy.of_labels(observed[-1]))


@pytest.fixture(autouse=True)
def _forecaster(monkeypatch: pytest.MonkeyPatch) -> None:
    StandIn.configs, StandIn.calls, StandIn.fails_at = [], 0, -1
    monkeypatch.setattr("maskreel.vfp.forecaster.MaskForecaster", StandIn)


def pictures(count: int, start: int = 20, size: tuple[int, int] = SIZE) -> np.ndarray:
    """A bright square that moves 4 pixels to the right with every frame."""
    frames = np.full((count, *size, 3), 90, np.uint8)
    for index in range(count):
        frames[index, 60:90, start + 4 * index : start + 30 + 4 * index] = 250
    return frames


def mask(x: int) -> torch.Tensor:
    labels = torch.zeros(SIZE, dtype=torch.uint8)
    labels[60:90, x : x + 30] = 10
    return labels


@pytest.fixture
def split(tmp_path: Path) -> Path:
    """Numbers that sort differently as text; frames 11 to 21 must not be looked at."""
    for number, start in ((10, 100), (9, 40)):
        folder = tmp_path / f"data/val/video_{number}"
        folder.mkdir(parents=True)
        for index, picture in enumerate(pictures(11, start)):
            Image.fromarray(picture).save(folder / f"image_{index}.png")
        for index in range(11, 22):
            (folder / f"image_{index}.png").write_bytes(b"broken")
    return tmp_path / "data/val"


def run(*arguments: object) -> int | None:
    return run_subcommands({"forecast": forecast}, ["forecast", *map(str, arguments)], "maskreel vfp")


@pytest.mark.parametrize("suffix", [".npy", ".pt"])
def test_a_split_becomes_the_leaderboard_array(split: Path, tmp_path: Path, suffix: str) -> None:
    output = tmp_path / f"pred{suffix}"
    assert run(split, "-o", output) == 0
    found = torch.load(output, weights_only=True) if suffix == ".pt" else torch.from_numpy(np.load(output))
    assert torch.equal(found, torch.stack([mask(80), mask(140)]))
    assert check_leaderboard(output, videos=2) == ()
    record = json.loads((tmp_path / "pred.json").read_text())
    assert (record["input"], record["clips"]) == (str(split), ["video_9", "video_10"])
    assert record["config"]["method"] == "best"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "pred.json", output.name]


def test_flags_reach_the_forecaster(split: Path, tmp_path: Path) -> None:
    assert run(split, "-o", tmp_path / "pred.npy", "--method", "copy", "--futures", 7) == 0
    (config,) = StandIn.configs
    assert (config.method, config.futures) == ("copy", 7)
    assert json.loads((tmp_path / "pred.json").read_text())["config"]["futures"] == 7


def test_a_folder_holds_pictures_of_every_clip(split: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    assert run(split, "-o", output) == 0
    assert sorted(path.name for path in output.iterdir()) == [
        "forecast.json",
        *(f"video_{number}{end}" for number in (10, 9) for end in (".gif", ".png", "_strip.png")),
    ]
    assert torch.equal(read_label_png(output / "video_10.png"), mask(140))
    assert json.loads((output / "forecast.json").read_text())["clips"] == ["video_9", "video_10"]


def test_one_video_of_another_size_becomes_a_mask_of_its_size(tmp_path: Path) -> None:
    frames = np.repeat(np.repeat(pictures(11), 2, axis=1), 2, axis=2)
    write(tmp_path / "film.mkv", Clip.from_numpy(frames, Fraction(5)), codec="ffv1")
    assert run(tmp_path / "film.mkv", "-o", tmp_path / "mask.png") == 0
    expected = mask(60).repeat_interleave(2, 0).repeat_interleave(2, 1)
    assert torch.equal(read_label_png(tmp_path / "mask.png"), expected)
    for suffix in (".gif", ".mp4"):
        assert run(tmp_path / "film.mkv", "-o", tmp_path / f"film{suffix}") == 0
        assert (tmp_path / f"film{suffix}").stat().st_size > 1000
    assert json.loads((tmp_path / "film.json").read_text())["clips"] == ["film"]


def test_a_rolling_forecast(tmp_path: Path) -> None:
    np.save(tmp_path / "frames.npy", pictures(26, 0))
    assert run(tmp_path / "frames.npy", "-o", tmp_path / "pred.npy", "--every", 3, "--stride", 2) == 0
    assert torch.equal(torch.from_numpy(np.load(tmp_path / "pred.npy")), torch.stack([mask(80)]))
    assert run(tmp_path / "frames.npy", "-o", tmp_path / "pred.npy", "--every", 5, "--overwrite") == 0
    expected = torch.stack([mask(40), mask(60), mask(80), mask(100)])
    assert torch.equal(torch.from_numpy(np.load(tmp_path / "pred.npy")), expected)
    record = json.loads((tmp_path / "pred.json").read_text())
    assert record["clips"] == ["frames_000010", "frames_000015", "frames_000020", "frames_000025"]
    assert (record["every"], record["stride"]) == (5, None)


def test_listed_videos_are_left_out(split: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.txt").write_text("val/video_9 # blurred\n")
    assert run(split, "-o", tmp_path / "pred.npy", "--quarantine", tmp_path / "bad.txt") == 0
    assert json.loads((tmp_path / "pred.json").read_text())["clips"] == ["video_10"]


@pytest.mark.parametrize("name", ["pred.npy", "out"])
def test_an_interrupted_run_goes_on(split: Path, tmp_path: Path, name: str) -> None:
    StandIn.fails_at = 1
    with pytest.raises(KeyboardInterrupt):
        run(split, "-o", tmp_path / name)
    assert not (tmp_path / name).exists()
    StandIn.fails_at = -1
    assert run(split, "-o", tmp_path / name) == 0
    assert StandIn.calls == 2
    assert run(split, "-o", tmp_path / f"whole_{name}") == 0
    for file in (tmp_path / name).rglob("*.png") if name == "out" else [tmp_path / name]:
        whole = tmp_path / f"whole_{name}" / file.name if name == "out" else tmp_path / f"whole_{name}"
        assert file.read_bytes() == whole.read_bytes()


def test_other_settings_do_not_go_on(split: Path, tmp_path: Path) -> None:
    StandIn.fails_at = 1
    with pytest.raises(KeyboardInterrupt):
        run(split, "-o", tmp_path / "pred.npy")
    StandIn.fails_at = -1
    assert run(split, "-o", tmp_path / "pred.npy", "--seed", 4) == 0
    assert StandIn.calls == 3


def test_what_is_refused(split: Path, tmp_path: Path) -> None:
    (tmp_path / "pred.npy").write_bytes(b"mine")
    with pytest.raises(InputError, match=r"pred\.npy exists; choose another name, or --overwrite"):
        run(split, "-o", tmp_path / "pred.npy")
    assert (tmp_path / "pred.npy").read_bytes() == b"mine"
    with pytest.raises(InputError, match=r"one\.gif has room for one clip and there are 2"):
        run(split, "-o", tmp_path / "one.gif")
    with pytest.raises(InputError, match="--every must be 1 or more, got 0"):
        run(split, "-o", tmp_path / "a.npy", "--every", 0)
    with pytest.raises(InputError, match="data holds the splits val, expected one of them"):
        run(split.parent, "-o", tmp_path / "a.npy")
    assert StandIn.calls == 0
    assert run(split, "-o", tmp_path / "pred.npy", "--overwrite") == 0
    assert check_leaderboard(tmp_path / "pred.npy", videos=2) == ()
