"""`maskreel vfp train-masks`: flags, files, the record and what a person reads."""

from __future__ import annotations

import importlib.util
import json
import logging
from typing import TYPE_CHECKING

import pytest
import torch

from maskreel.common.cli import run_subcommands
from maskreel.common.datasets import VfpFolder
from maskreel.common.errors import InputError, MissingExtraError
from maskreel.common.unet import UNet
from maskreel.common.world import Splits, TableScene, write_dataset
from maskreel.vfp.commands.train_masks import SHIPPED, train_masks
from maskreel.vfp.masks import MaskNetworkConfig, load_mask_network
from maskreel.vfp.segmentation import SegmenterConfig, save_segmenter

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("one_thread")

SMALL = (
    "--spatial-width", "4", "--temporal-width", "8", "--temporal-depth", "2", "--mlp-ratio", "1", "--draft-width", "8",
    "--steps", "2", "--batch-size", "2", "--threads", "1", "--watched", "1", "--measured", "1",
)  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "tables"
    write_dataset(TableScene(size=(32, 48)), folder, Splits(train=3, val=2, unlabeled=1), seed=8, workers=0)
    return folder


@pytest.fixture(scope="module")
def segmenter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Untrained, because that of the package takes its time."""
    path = tmp_path_factory.mktemp("segmenter") / "unet.safetensors"
    save_segmenter(UNet(49), path, SegmenterConfig(network="unet"))
    return path


def run(*arguments: object) -> int | None:
    return run_subcommands({"train-masks": train_masks}, [str(argument) for argument in arguments], "maskreel vfp")


def test_from_a_data_set_to_weights(
    data: Path, segmenter: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "maskreel")
    assert run("train-masks", data, "-o", tmp_path, "--segmenter", segmenter, *SMALL) == 0
    network = load_mask_network(tmp_path / "masks.safetensors")
    assert network.config.spatial_width == 4
    assert network.config.threshold is not None
    record = json.loads((tmp_path / "masks.json").read_text())
    assert record["steps"] == 2
    assert record["data"] == f"3 clips of {data} (train)"
    kinds = ("iou", "likeliest", "copy_last")
    assert record["quality"].keys() == {f"tables_{given}{kind}" for given in ("", "segmented_") for kind in kinds}
    watched = json.loads((tmp_path / "training.json").read_text())["result"]["metrics"]
    assert watched.keys() == {f"tables_{kind}" for kind in kinds}
    assert "tables true masks: iou" in caplog.text
    assert "tables segmented masks: iou" in caplog.text
    assert list((tmp_path / "samples").glob("*.png"))


def test_from_the_world_with_a_second_training(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "maskreel")
    fed_back = ("--targets", "11", "--drafts", "11", "--feedback-chance", "1", "--ahead", "2", "--fine-tune", "1")
    assert run("train-masks", "-o", tmp_path, "--world", "4", *SMALL, *fed_back, "--threshold", "0.3") == 0
    assert load_mask_network(tmp_path / "masks.safetensors").config.threshold == 0.3
    record = json.loads((tmp_path / "masks.json").read_text())
    assert record["data"] == "4 clips of TableScene (easy, medium and hard in turn, masks only, 4)"
    assert record["steps"] == 1
    assert record["quality"] == {}
    second = json.loads((tmp_path / "fine_tuning/training.json").read_text())["config"]
    assert (second["lr"], second["schedule"], second["steps"]) == (1e-4, "constant", 1)


def test_unlabeled_videos_are_labelled_first(data: Path, segmenter: Path, tmp_path: Path) -> None:
    flags = ("--unlabeled", data, "--segmenter", segmenter, "--least-confidence", "0", *SMALL)
    assert run("train-masks", "-o", tmp_path, *flags) == 0
    assert len(list((tmp_path / "pseudo_tables").glob("video_*/mask.npy"))) == 1
    assert "labelled by a segmenter" in json.loads((tmp_path / "masks.json").read_text())["data"]


def test_videos_in_quarantine_are_not_learned_from(
    data: Path, segmenter: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    listed = [f"{split}/{VfpFolder(data, split)[0].name}" for split in ("train", "unlabeled")]  # all of the latter
    (tmp_path / "bad.txt").write_text("\n".join(listed))
    flags = ("--quarantine", tmp_path / "bad.txt", "--unlabeled", data, "--segmenter", segmenter, *SMALL)
    with pytest.raises(InputError, match="unlabeled has no video left: all are in quarantine"):
        run("train-masks", data, "-o", tmp_path / "run", *flags)
    assert "1 of 3 videos: " + listed[0].removeprefix("train/") in caplog.text
    assert not (tmp_path / "run").exists()


def test_a_network_refines_the_forecast_by_objects(tmp_path: Path) -> None:
    """Clips of 160x240, as the table that comes with the package asks for."""
    assert (
        run("train-masks", "-o", tmp_path, "--world", "1", *SMALL, "--prior", "--steps", "1", "--batch-size", "1") == 0
    )
    assert load_mask_network(tmp_path / "masks.safetensors").config.prior
    with pytest.raises(InputError, match=r"missing\.json"):
        run("train-masks", "-o", tmp_path / "again", "--world", "1", "--prior", "--table", tmp_path / "missing.json")


def test_a_training_starts_from_weights(data: Path, tmp_path: Path) -> None:
    flags = ("--world", "2", *SMALL, "--targets", "21", "--lr", "1e-9", "--weight-decay", "0")
    assert run("train-masks", "-o", tmp_path / "first", *flags) == 0
    start = tmp_path / "first/masks.safetensors"
    again = ("--world", "2", "--steps", "2", "--batch-size", "2", "--lr", "1e-9", "--weight-decay", "0")
    assert run("train-masks", "-o", tmp_path / "second", "--weights", start, *again, "--no-newest-skip") == 0
    one, other = (load_mask_network(tmp_path / name / "masks.safetensors") for name in ("first", "second"))
    assert one.config == other.config  # the file's, not the flags'
    for (name, value), (_, found) in zip(one.named_parameters(), other.named_parameters(), strict=True):
        torch.testing.assert_close(found, value, atol=1e-3, rtol=1e-3, msg=name)


def test_the_defaults_are_those_of_the_shipped_weights() -> None:
    network = load_mask_network()
    assert network.config == MaskNetworkConfig(threshold=network.config.threshold)
    assert network.config.threshold is not None
    assert SHIPPED.steps * SHIPPED.batch_size == 12800


def test_what_cannot_be_is_refused(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="there is nothing to learn from"):
        run("train-masks", "-o", tmp_path)
    with pytest.raises(InputError, match="two data sets to measure on are called tables"):
        run("train-masks", "-o", tmp_path, "--world", "2", "--held-out", data, data)
    with pytest.raises(InputError, match="two data sets to label are called tables"):
        run("train-masks", "-o", tmp_path, "--world", "2", "--unlabeled", data, data)
    with pytest.raises(InputError, match="is not a folder"):
        run("train-masks", tmp_path / "nowhere", "-o", tmp_path)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"maskreel-vfp\[train\]"):
        run("train-masks", data, "-o", tmp_path)
