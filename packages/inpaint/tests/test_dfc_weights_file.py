"""One reader for all files with weights of DFC-Net, and what a run makes of them."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from maskreel.common.cli import main
from maskreel.common.errors import InputError
from maskreel.common.flow import read_flo
from maskreel.common.video import Clip, probe, write
from maskreel.common.weights import save_half, save_tensors
from maskreel.inpaint.dfc import Cascade, dfc_completer, dfc_s, load_cascade, save_cascade
from maskreel.inpaint.dfc.small import CELLS, SmallStage
from maskreel.inpaint.dfc.weights_file import (
    MOST_CELLS,
    ImageWeights,
    PublishedStage,
    SavedCascade,
    read_weights,
)

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("one_thread")

SMALL_STATE = SmallStage().state_dict()


def small(count: int, cells: int | None = CELLS) -> Cascade:
    """Stages whose answers are not what they are given."""
    torch.manual_seed(0)
    stages = [SmallStage(*((33, 2) if i == 0 else (66, 4)), cells=cells) for i in range(count)]
    for stage in stages:
        torch.nn.init.normal_(stage.head.weight, 0, 0.02)
    return Cascade(*stages, fractions=(1.0,) * count)


@pytest.fixture(scope="module")
def saved_dfc_s(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("saved") / "dfc-s.safetensors"
    save_cascade(path, Cascade(dfc_s(), fractions=(1.0,)), network="dfc-s", height=64)
    return path


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_cascade_tells_what_it_is(tmp_path: Path, count: int) -> None:
    cascade = small(count, cells=500)
    save_cascade(tmp_path / "c.safetensors", cascade, network="small", height=96)
    file = read_weights(tmp_path / "c.safetensors")
    assert isinstance(file, SavedCascade)
    assert (file.network, file.cells, file.height, len(file.states)) == ("small", 500, 96, count)
    found = load_cascade(tmp_path / "c.safetensors")
    assert found.fractions == (1.0,) * count
    for number, (ours, theirs) in enumerate(zip(found.stages, cascade.stages, strict=True)):
        assert not ours.training
        x = torch.randn(1, 33 if number == 0 else 66, 16, 24)
        torch.testing.assert_close(ours(x), theirs(x), rtol=0.02, atol=0.02)


def test_dfc_s_is_read_as_it_was_trained(saved_dfc_s: Path) -> None:
    file = read_weights(saved_dfc_s)
    assert isinstance(file, SavedCascade)
    assert (file.network, file.cells, file.height) == ("dfc-s", None, 64)
    told = repr(dfc_completer(saved_dfc_s, device="cpu"))
    assert told.startswith("DFCCompleter('dfc-s.safetensors ")
    assert "initial='laplace', fractions=(1.0,), work_height=64" in told


def test_what_a_training_leaves_on_the_way_is_read_too(tmp_path: Path) -> None:
    """Checkpoints and final.safetensors tell nothing beside their tensors."""
    save_file(small(2).state_dict(), tmp_path / "final.safetensors")
    torch.save({"model": small(2).state_dict()}, tmp_path / "final.pth")
    for name in ("final.safetensors", "final.pth"):
        file = read_weights(tmp_path / name)
        assert isinstance(file, SavedCascade)
        assert (file.network, file.cells, len(file.cascade().stages)) == ("small", CELLS, 2)


def test_files_are_told_apart_by_their_names(tmp_path: Path) -> None:
    head, first = {"layer5.conv1.bias": torch.zeros(2)}, torch.zeros(64, 66, 7, 7)
    torch.save({"model": {f"module.{k}": v for k, v in ({"conv1.weight": first} | head).items()}}, tmp_path / "two.pth")
    file = read_weights(tmp_path / "two.pth")
    assert isinstance(file, PublishedStage)
    assert file.channels == 66
    torch.save({"conv1.weight": first[:, :3], "fc.bias": torch.zeros(1000)}, tmp_path / "resnet50.pth")
    assert isinstance(read_weights(tmp_path / "resnet50.pth"), ImageWeights)


@pytest.mark.parametrize(
    ("tensors", "told", "sentence"),
    [
        ({"stage2.a": torch.zeros(1)}, {}, r"x.safetensors holds stage2, expected stages 1 to 3"),
        ({f"stage{i}.a": torch.zeros(1) for i in range(1, 5)}, {}, r"x.safetensors holds stage1, .*expected stages"),
        ({"stage1.a": torch.zeros(1), "b": torch.zeros(1)}, {}, r"x.safetensors holds b, stage1, expected stages"),
        ({"a.b": torch.zeros(1)}, {}, r"x.safetensors does not hold weights of DFC-Net: .*it has a.b"),
        ({"stage1.stem.weight": torch.zeros(1)}, {}, r"x.safetensors, stage 1, does not fit SmallStage; keys"),
        ({"stage1.conv1.weight": torch.zeros(1)}, {}, r"x.safetensors, stage 1, does not fit DFCS; keys"),
        ({"stage1.a": torch.zeros(1)}, {"network": '"large"'}, r"tells of a network 'large', expected small or dfc-s"),
        ({"stage1.a": torch.zeros(1)}, {"network": "[]"}, r"tells of a network \[\], expected small or dfc-s"),
        ({"stage1.a": torch.zeros(1)}, {"cells": str(MOST_CELLS + 1)}, r"tells of 1048577 cells, expected 1 to"),
        ({"stage1.a": torch.zeros(1)}, {"cells": "true"}, r"tells of True cells"),
        ({"stage1.a": torch.zeros(1)}, {"cells": "{"}, r"x.safetensors"),
        ({"stage1.a": torch.zeros(1)}, {"height": "0"}, r"tells of a height of 0, expected 1 to 16384"),
        ({f"stage1.{k}": v for k, v in SMALL_STATE.items()}, {"network": '"dfc-s"'}, r"does not fit DFCS; keys"),
    ],
)
def test_foreign_files_are_told_in_one_sentence(
    tmp_path: Path, tensors: dict[str, torch.Tensor], told: dict[str, str], sentence: str
) -> None:
    save_tensors(tmp_path / "x.safetensors", tensors, told or {"format": "pt"})
    with pytest.raises(InputError, match=sentence) as error:
        dfc_completer(tmp_path / "x.safetensors")
    assert "\n" not in str(error.value)


def test_damaged_and_far_too_large_files_are_told_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    save_cascade(path, small(1), network="small")
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(InputError, match=r"c.safetensors is not a readable safetensors file"):
        dfc_completer(path)
    with path.open("r+b") as file:
        file.truncate((2 << 30) + 1)  # takes no room
    with pytest.raises(InputError, match=r"c.safetensors has 2147483649 bytes, too many for weights of DFC-Net"):
        dfc_completer(path)
    save_half(path, torch.nn.Linear(2, 2), {})
    with pytest.raises(InputError, match=r"c.safetensors does not hold weights of DFC-Net"):
        load_cascade(path)


def test_a_cascade_comes_alone(tmp_path: Path) -> None:
    paths = [tmp_path / f"{name}.safetensors" for name in "ab"]
    for path in paths:
        save_cascade(path, small(1), network="small")
    with pytest.raises(InputError, match=r"a.safetensors holds all stages of a training together; give it alone"):
        dfc_completer(*paths)


def walk(path: Path) -> Path:
    """A block that walks before a scene, under a camera that pans."""
    coarse = np.random.default_rng(0).integers(60, 200, (8, 16, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    frames = np.stack([coarse[:, t : t + 96] for t in range(10)])
    for t in range(10):
        frames[t, 20:50, 5 * t : 5 * t + 14] = 10
    write(path, Clip.from_numpy(frames, Fraction(25)), codec="ffv1")
    return path


def completed(source: Path, *words: Any) -> np.ndarray:
    """The completed flow of a run in mode dfc, (pairs, 2, H, W)."""
    output = source.with_name("out.mkv")
    command = ["-q", "inpaint", "run", source, "-o", output, "--lossless", "--keep-stages", "completed", *words]
    assert main([str(word) for word in command]) == 0
    assert probe(output).frame_count == 10
    files = sorted(output.with_suffix(".job").glob("kept-completed/*.flo"))
    assert len(files) == 9
    return np.stack([read_flo(path).numpy() for path in files])


@pytest.fixture(scope="module")
def of_the_package(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    return completed(walk(tmp_path_factory.mktemp("package") / "in.mkv"), "--mode", "dfc", "--remove", "40,10,70,50")


def test_a_run_takes_what_train_dfc_wrote(tmp_path: Path, of_the_package: np.ndarray) -> None:
    pytest.importorskip("mmengine")
    command = ["-q", "inpaint", "train-dfc", "-o", tmp_path / "run", "--smoke", "--threads", 1, "--device", "cpu"]
    assert main([str(word) for word in command]) == 0
    weights = tmp_path / "run" / "cascade.safetensors"
    words = ("--mode", "dfc", "--remove", "40,10,70,50", "--dfc-weights", weights)
    found = completed(walk(tmp_path / "in.mkv"), *words)
    assert np.isfinite(found).all()
    assert np.abs(found - of_the_package).max() > 0.01


@pytest.mark.parametrize("name", ["two stages", "dfc-s"])
def test_a_run_takes_any_cascade(name: str, tmp_path: Path, saved_dfc_s: Path, of_the_package: np.ndarray) -> None:
    weights = saved_dfc_s
    if name == "two stages":
        weights = tmp_path / "two.safetensors"
        save_cascade(weights, small(2), network="small")
    words = ("--mode", "dfc", "--remove", "40,10,70,50", "--dfc-weights", weights)
    found = completed(walk(tmp_path / "in.mkv"), *words)
    assert np.isfinite(found).all()
    assert np.abs(found - of_the_package).max() > 0.01
