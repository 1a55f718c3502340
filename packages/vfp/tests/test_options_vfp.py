"""Options that no other file of tests drives: each has an effect."""

from __future__ import annotations

import importlib
import json
import shutil
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from maskreel.common.cli import main
from maskreel.common.datasets import VfpFolder
from maskreel.common.errors import InputError
from maskreel.common.show import save_image
from maskreel.common.unet import UNet
from maskreel.common.world import Splits, TableScene, write_dataset
from maskreel.vfp.config import ForecastConfig
from maskreel.vfp.forecaster import MaskForecaster
from maskreel.vfp.frames import PredictorConfig, build_predictor, save_predictor
from maskreel.vfp.interaction._observed import EMPTY
from maskreel.vfp.masks import MaskNetworkConfig, build_mask_network
from maskreel.vfp.objects import Table
from maskreel.vfp.segmentation import SegmenterConfig, load_segmenter, save_segmenter

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """3 videos to train with and 2 to measure on, of 32x48."""
    folder = tmp_path_factory.mktemp("data") / "tables"
    write_dataset(TableScene(size=(32, 48)), folder, Splits(train=3, val=2), seed=8, workers=0)
    return folder


@pytest.fixture(scope="module")
def predictor(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Untrained, but no mere copy of the newest frame."""
    path = tmp_path_factory.mktemp("predictor") / "predictor.safetensors"
    torch.manual_seed(0)
    network = build_predictor(PredictorConfig(spatial_width=4, temporal_width=8, temporal_depth=2))
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    save_predictor(network, path)
    return path


@pytest.fixture(scope="module")
def segmenter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Untrained."""
    path = tmp_path_factory.mktemp("segmenter") / "unet.safetensors"
    torch.manual_seed(0)
    save_segmenter(UNet(49), path, SegmenterConfig(network="unet"))
    return path


def run(*words: object) -> None:
    assert main(["-q", "vfp", *map(str, words)]) in (0, None)


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch) -> list[SimpleNamespace]:
    """Trainings are noted, not done; the second one ends the command."""
    noted: list[SimpleNamespace] = []

    def note(task: Any, samples: Any, config: Any, output: Path) -> None:
        noted.append(SimpleNamespace(task=task, samples=samples, config=config, output=output))
        if not output.name.startswith("first"):
            raise KeyboardInterrupt

    monkeypatch.setattr("maskreel.common.training.train", note)
    return noted


def begin(*words: object) -> None:
    """Run a command until its training, which `trainings` ends."""
    assert main(["-q", "vfp", *map(str, words)]) == 130


def test_which_frames_of_a_film_are_predicted_from(predictor: Path, tmp_path: Path) -> None:
    for number in range(24):
        picture = torch.randint(0, 256, (3, 16, 24), generator=torch.Generator().manual_seed(number))
        save_image(tmp_path / "film" / f"image_{number}.png", picture.byte())
    words = ("predict", tmp_path / "film", "--weights", predictor, "--no-scale", "--dtype", "float32")
    found = {}
    for name, options in {"plain": (), "stride": ("--stride", 2), "every": ("--every", 6)}.items():
        run(*words, "-o", tmp_path / name, *options)
        found[name] = np.load(tmp_path / name / "predictions.npy")
    assert [len(one) for one in found.values()] == [1, 1, 3]
    assert np.abs(found["plain"] - found["stride"]).max() > 1e-3


def test_videos_in_quarantine_are_not_predicted(data: Path, predictor: Path, tmp_path: Path) -> None:
    first, second = VfpFolder(data, "val").names
    (tmp_path / "bad.txt").write_text(f"val/{first}\n")
    words = ("predict", data / "val", "-o", tmp_path / "out", "--weights", predictor, "--no-scale")
    run(*words, "--quarantine", tmp_path / "bad.txt")
    assert json.loads((tmp_path / "out" / "predictions.json").read_text())["clips"] == [second]


@pytest.mark.parametrize("choice", ["keep", "drop"])
def test_what_becomes_of_unseen_objects_is_asked_for(
    data: Path, choice: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`write_blur_images`, whose tests show what it does, is told."""
    told: list[str] = []
    blurred = "maskreel.vfp.segmentation.write_blur_images"
    monkeypatch.setattr(blurred, lambda *_, unseen, **__: told.append(unseen))
    run("blur", data, "-o", tmp_path, "--unseen-objects", choice)
    assert told == [choice]


def test_the_network_that_segments(data: Path, segmenter: Path, tmp_path: Path) -> None:
    words = ("segment", data / "val", "--outputs", "npy")
    for name, options in {"plain": (), "own": ("--weights", segmenter)}.items():
        run(*words, "-o", tmp_path / name, *options)
    (video, _) = VfpFolder(data, "val").names
    plain, own = (np.load(tmp_path / name / f"{video}.npy") for name in ("plain", "own"))
    assert (own != plain).any()
    assert np.array_equal(own, load_segmenter(segmenter)(VfpFolder(data, "val")[0].frames()).numpy())


def test_blurred_frames_are_segmented_by_a_network_of_their_own(data: Path, tmp_path: Path) -> None:
    run("segment", data / "val", "-o", tmp_path, "--outputs", "npy", "--frames-are", "predicted")
    (video, _) = VfpFolder(data, "val")
    expected = load_segmenter(frames="predicted")(video.frames()).numpy()
    assert np.array_equal(np.load(tmp_path / f"{video.name}.npy"), expected)
    assert (expected != load_segmenter()(video.frames()).numpy()).any()


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The table of the package, for a camera of 32x48."""
    path, own = tmp_path_factory.mktemp("table") / "table.json", Table.load()
    replace(own, camera=replace(own.camera, focal=own.camera.focal / 5, size=(32, 48))).save(path)
    return path


@pytest.fixture
def damaged(data: Path, tmp_path: Path) -> Path:
    """The same videos, one of those to train with without its masks."""
    folder = shutil.copytree(data, tmp_path / "damaged")
    (folder / "train" / VfpFolder(folder, "train").names[1] / "mask.npy").write_bytes(b"no masks")
    return folder


def test_options_of_the_training_of_interaction(
    data: Path, damaged: Path, table: Path, tmp_path: Path, trainings: list[SimpleNamespace]
) -> None:
    few = ("-o", tmp_path / "run", "--table", table, "--scenarios", 4, "--measured", 1)
    assert main(["-q", "vfp", "train-interaction", str(damaged), *map(str, few)]) == 2
    assert not trainings
    begin("train-interaction", damaged, *few, "--skip-bad", "--repeats", 3, "--crowd", 1, 1, "--held-out", data)
    (training,) = trainings
    assert [len(part) for part in training.samples.datasets] == [4, 2, 2, 2]
    assert most_seen(training) == 1
    assert list(training.task.held_out) == ["tables"]
    (tmp_path / "bad.txt").write_text(f"train/{VfpFolder(data, 'train').names[0]}\n")
    begin("train-interaction", data, *few, "--quarantine", tmp_path / "bad.txt", "--crowd", 5, 5)
    other = trainings[1]
    assert [len(part) for part in other.samples.datasets] == [4, *[2] * 8]
    assert most_seen(other) > 1


def most_seen(training: SimpleNamespace) -> int:
    """Objects of the simulated clip that shows most of them."""
    return max(int((item["shape"] != EMPTY).sum()) for item in training.samples.datasets[0])


def test_the_table_of_the_training_of_interaction(data: Path, table: Path, tmp_path: Path) -> None:
    words = ["-q", "vfp", "train-interaction", str(data), "-o", str(tmp_path / "run")]
    assert main([*words, "--table", str(tmp_path / "none.json")]) == 2


def test_options_of_the_training_of_masks(
    data: Path, damaged: Path, tmp_path: Path, trainings: list[SimpleNamespace]
) -> None:
    words = ("train-masks", damaged, "--watched", 1, "--spatial-width", 4, "--temporal-width", 8, "--draft-width", 8)
    begin(*words, "-o", tmp_path / "run", "--skip-bad")
    assert len(trainings[0].samples) == 2
    assert list(trainings[0].task.held_out) == ["damaged"]
    tuned = ("--fine-tune", 7, "--fine-tune-lr", "3e-5")
    begin(*words, "-o", tmp_path / "first", "--skip-bad", "--held-out", data, *tuned)
    _, first, second = trainings
    assert list(first.task.held_out) == ["tables"]
    assert (second.config.steps, second.config.lr) == (7, 3e-5)
    assert first.config.lr != 3e-5


def test_bad_videos_are_left_out_of_the_fit(
    damaged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    counts: list[int] = []

    def fitted(masks: Any, **_: object) -> None:
        counts.extend(map(len, masks))
        raise KeyboardInterrupt

    monkeypatch.setattr("maskreel.vfp.objects.fit_table", fitted)
    words = ("fit-table", damaged, "-o", tmp_path / "table.json")
    assert main(["-q", "vfp", *map(str, words)]) == 2
    assert counts == []
    begin(*words, "--skip-bad")
    assert counts == [2]
    assert "mask.npy" in caplog.text


def test_the_translator_is_another_network() -> None:
    small = MaskNetworkConfig(spatial_width=4, temporal_width=8, temporal_depth=2, draft_width=8)
    names = [
        {key for key, _ in build_mask_network(replace(small, translator=translator)).named_parameters()}
        for translator in ("gsta", "tau", "incepu")
    ]
    assert names[0] != names[1] != names[2] != names[0]


@pytest.mark.parametrize(
    ("part", "method"),
    [("segmenter", "copy"), ("predictor", "frames"), ("masks", "masks"), ("table", "objects"), ("interaction", "best")],
)
def test_parts_of_a_forecaster_are_the_files_that_are_named(part: str, method: Any, tmp_path: Path) -> None:
    """Each is opened by the methods that need it."""
    with pytest.raises(InputError, match="mine"):
        MaskForecaster(replace(ForecastConfig(method=method), **{part: tmp_path / "mine.safetensors"}))


def test_a_data_set_to_reproduce_with_is_not_rendered(tmp_path: Path) -> None:
    module = importlib.import_module("maskreel.vfp.commands.reproduce")
    for data, first in ((None, "render"), (tmp_path, "statistics")):
        chain = module._Chain(tmp_path / "out", module.PROFILES["smoke"], data, None, "cpu")
        assert chain.steps()[0][0] == first
