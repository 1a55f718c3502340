"""`maskreel world calibrate` and `train-maskrcnn`: from a folder of videos to a scene, and to weights."""

from __future__ import annotations

import importlib.util
import json
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from maskreel.common.cli import main
from maskreel.common.datasets import VfpFolder, lazy_arrays
from maskreel.common.errors import InputError
from maskreel.common.maskrcnn import shapes_maskrcnn
from maskreel.common.world import Splits, TableScene, origin_of, write_dataset
from maskreel.common.world._table.file import read_scene, write_scene

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """3 videos for training and 2 for measuring, of 64x96 pixels."""
    folder = tmp_path_factory.mktemp("data")
    write_dataset(TableScene(size=(64, 96)), folder, Splits(train=3, val=2), seed=0, workers=0)
    return folder


def run(*arguments: object) -> int:
    return main(["world", *map(str, arguments)])


def test_lazy_arrays_read_what_is_asked_for(data: Path) -> None:
    video = VfpFolder(data, "train")[1]
    frames, labels = lazy_arrays(video)
    assert (frames.shape, labels.shape, len(frames)) == ((22, 3, 64, 96), (22, 64, 96), 22)
    assert np.array_equal(frames[-1], video.frames()[21].numpy())
    assert np.array_equal(frames[3:20:8], video.frames()[3:20:8].numpy())
    expected = video.labels()
    assert expected is not None
    assert np.array_equal(labels[:], expected.numpy())
    assert labels[5:5].shape == (0, 64, 96)
    with pytest.raises(IndexError):
        frames[22]


def test_lazy_arrays_need_label_maps(tmp_path: Path) -> None:
    write_dataset(TableScene(size=(32, 48)), tmp_path, Splits(unlabeled=1), seed=0, workers=0)
    with pytest.raises(InputError, match=r"video_0 has no label maps, only videos of train and val have"):
        lazy_arrays(VfpFolder(tmp_path, "unlabeled")[0])


def test_a_scene_is_fitted_and_rendered(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scene = tmp_path / "scene.json"
    assert run("calibrate", data, "-o", scene, "--clips", 2, "--rounds", 1, "--workers", 0) == 0
    told = capsys.readouterr()
    assert "copy-last, pooled" in told.out
    assert "distance" in told.err
    fitted = read_scene(scene)
    assert fitted.size == (64, 96)
    assert fitted != TableScene(size=(64, 96))
    assert run("render", "table", "--scene", scene, "--train", 1, "--workers", 0, "-o", tmp_path / "made") == 0
    assert json.loads((tmp_path / "made/world.json").read_text())["scene"]["speed"] == fitted.speed


def test_bad_flags_for_the_fit(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("calibrate", data, "-o", tmp_path / "scene.txt") == 2
    assert "scene.txt must end in .json" in capsys.readouterr().err
    assert run("calibrate", data, "-o", tmp_path / "scene.json", "--clips", 0) == 2
    assert "clips must be 1 or more, got 0" in capsys.readouterr().err
    write_scene(tmp_path / "scene.json", TableScene())
    flags = ("--scene", tmp_path / "scene.json", "--difficulty", "easy", "--train", 1, "-o", tmp_path / "made")
    assert run("render", "table", *flags) == 2
    assert "--scene and --difficulty exclude each other" in capsys.readouterr().err


def test_masks_without_objects_cannot_be_fitted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty = TableScene(size=(32, 48), objects=(0, 0), resting=(0, 0))
    write_dataset(empty, tmp_path / "data", Splits(train=1), seed=0, workers=0)
    assert run("calibrate", tmp_path / "data", "-o", tmp_path / "scene.json") == 2
    assert "shows no object, so there is nothing to fit" in capsys.readouterr().err


def test_training_gives_weights_with_their_record(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "run"
    monkeypatch.setattr("sys.argv", ["/usr/bin/maskreel", "world", "train-maskrcnn", "-o", "my run"])
    flags = ("--data", data, "--steps", 2, "--batch-size", 2, "--log-every", 1, "--device", "cpu")
    assert run("train-maskrcnn", "-o", folder, *flags) == 0
    record = json.loads((folder / "shapes.json").read_text())
    assert record["steps"] == 2
    assert record["data"].startswith(f"3 videos of TableScene ({data.name}), seed 0")
    assert record["command"] == "maskreel world train-maskrcnn -o 'my run'"
    assert record["quality"]["frames"] == 2 * 22
    assert (folder / "samples/step_00000002.png").is_file()
    first = load_file(folder / "shapes.safetensors")
    assert shapes_maskrcnn(folder / "shapes.safetensors").class_names[1] == "gray metal cube"
    assert run("train-maskrcnn", "-o", tmp_path / "again", *flags) == 0
    again = load_file(tmp_path / "again/shapes.safetensors")
    assert all(torch.equal(again[name], value) for name, value in first.items()), "the same seed gives the same weights"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", "is not a record of a rendered data set"),
        ('{"scene": "a table"}', "does not tell scene, seed and counts"),
        ('{"scene": {"name": "TableScene"}, "seed": 1}', "does not tell scene, seed and counts"),
    ],
)
def test_the_origin_of_a_data_set_is_not_taken_from_anything(tmp_path: Path, text: str, fault: str) -> None:
    assert origin_of(tmp_path) == str(tmp_path)
    (tmp_path / "world.json").write_text(text)
    with pytest.raises(InputError, match=rf"world\.json {fault}"):
        origin_of(tmp_path)


def test_a_missing_extra_is_named_before_anything_is_rendered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "pycocotools" else find(name))
    assert run("train-maskrcnn", "-o", tmp_path / "run") == 2
    assert "maskreel-common[coco]" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_bad_video_ends_the_training_or_is_left_out(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad"
    shutil.copytree(data, bad)
    image = bad / "train/video_1/image_7.png"
    image.write_bytes(image.read_bytes()[:200])
    flags = ("--data", bad, "--steps", 12, "--batch-size", 6, "--device", "cpu")
    assert run("train-maskrcnn", "-o", tmp_path / "run", *flags) == 2
    assert f"{image}" in capsys.readouterr().err
    assert run("train-maskrcnn", "-o", tmp_path / "other", *flags, "--steps", 1, "--skip-bad") == 0
    assert f"left out: {image}" in capsys.readouterr().err
    assert json.loads((tmp_path / "other/shapes.json").read_text())["data"].startswith("2 videos of")
