"""The example that adapts a network of others: its layout is the published one, and it can be inverted."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from maskreel.common.errors import InputError
from maskreel.common.video import read
from maskreel.common.weights import load_state_dict
from maskreel.inversion import FrameTarget, InversionConfig, MaskInverter
from maskreel.inversion.cli import main
from maskreel.inversion.settings import AugmentSettings

EXAMPLES = Path(__file__).parent.parent / "examples"
DATA = Path(__file__).parents[4] / "shared" / "data"
PUBLISHED = DATA / "espnetv2_s_2.0_pascal_384x384.pth"
TENNIS = DATA / "davis_tennis"
PERSON = 15
DEAD = ("base_net.level3_0.inp_reinf.0.bn", "base_net.level3_0.inp_reinf.1.bn")
"""Norm layers whose inputs are constant in the published file."""


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(EXAMPLES)
    return importlib.import_module("espnetv2")


@pytest.fixture
def weights(example: Any, tmp_path: Path) -> Path:
    """Random ones, with statistics of noise and two dead layers, as in the published file."""
    network = example.ESPNetv2(21)
    generator = torch.Generator().manual_seed(0)
    for values in network.parameters():
        if values.ndim == 4:
            values.data.normal_(generator=generator)
    for name in DEAD:
        nn.init.zeros_(network.get_submodule(name.replace(".bn", ".conv")).weight)
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.momentum = 1.0
    network(torch.randn(2, 3, 32, 64, generator=generator))
    path = tmp_path / "random.pth"
    torch.save(network.state_dict(), path)
    return path


def test_layout_has_the_published_counts(example: Any) -> None:
    network = example.ESPNetv2(21)
    assert len(network.state_dict()) == 526
    assert sum(values.numel() for values in network.parameters()) == 789_253
    assert sum(values.numel() for values in network.state_dict().values()) == 814_362
    assert sum(isinstance(part, nn.BatchNorm2d) for part in network.modules()) == 67
    assert example.ESPNetv2Teacher.class_names[PERSON] == "person"
    assert len(example.ESPNetv2Teacher.class_names) == 21


@pytest.mark.skipif(not PUBLISHED.is_file(), reason="the published weights are not here")
def test_layout_is_that_of_the_published_file(example: Any) -> None:
    own = {name: values.shape for name, values in example.ESPNetv2(21).state_dict().items()}
    assert own == {name: values.shape for name, values in load_state_dict(PUBLISHED).items()}


@pytest.mark.skipif(not (PUBLISHED.is_file() and TENNIS.is_dir()), reason="weights and video are not here")
def test_published_weights_find_the_player(example: Any) -> None:
    image = functional.interpolate(read(TENNIS / "video.mp4", stop=1).frames.float() / 255, (288, 512), mode="area")
    mask = functional.interpolate(read(TENNIS / "mask.mp4", stop=1).frames.float(), (288, 512), mode="area")[0, 0] > 127
    with torch.no_grad():
        found = example.teacher(PUBLISHED).look(image)[0].argmax(0) == PERSON
    assert (found & mask).sum() > 0.7 * (found | mask).sum()


def test_any_size_gives_logits_of_that_size(example: Any, weights: Path) -> None:
    teacher = example.teacher(weights)
    assert teacher.look(torch.rand(2, 3, 45, 70)).shape == (2, 21, 45, 70)
    assert teacher.logits(torch.rand(1, 3, 45, 70)).shape == (1, 21, 32, 64)


def test_dead_layers_have_no_say(example: Any, weights: Path) -> None:
    layers = example.teacher(weights).norm_layers()
    assert len(layers) == 65
    assert not any(name.endswith(DEAD) for name in layers)


def test_the_loss_falls(example: Any, weights: Path) -> None:
    mask = torch.zeros(1, 32, 64, dtype=torch.bool)
    mask[0, 8:24, 16:40] = True
    config = InversionConfig(
        steps=6, lr=0.002, stages=1, levels=0, coherence="none", checks=6, augment=AugmentSettings()
    )
    losses: list[float] = []

    def watch(progress: Any) -> None:
        assert progress.loss is not None
        losses.append(progress.loss)

    MaskInverter(config, example.teacher(weights)).invert([FrameTarget(mask, torch.tensor([PERSON]))], watch=watch)
    assert len(losses) == 6
    assert losses[-1] < losses[0]


@pytest.mark.usefixtures("example")
def test_command_line(weights: Path, mask_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chosen = ["--weights", str(weights), "--device", "cpu"]
    output = tmp_path / "out.mp4"
    quick = ["--steps", "2", "--stages", "1", "--levels", "2", "--classes", "1=person", "2=dog", "-o", str(output)]
    words = ["run", str(mask_folder), "--teacher", "espnetv2:teacher", *chosen, *quick]
    assert main(words, prog="maskreel inversion") in (0, None)
    assert read(output).size == (32, 48)
    capsys.readouterr()
    assert main(["doctor", "espnetv2:teacher", *chosen], prog="maskreel inversion") in (0, None)
    assert "Usable: 65 layers with statistics." in capsys.readouterr().out


def test_weights_of_another_network_are_refused(example: Any, tmp_path: Path) -> None:
    torch.save(nn.Linear(2, 2).state_dict(), tmp_path / "other.pth")
    with pytest.raises(InputError, match="does not fit ESPNetv2"):
        example.teacher(tmp_path / "other.pth")
