"""What `train-dfc` begins with, by files with the keys of those of train-dfc, of the authors and of torchvision.

DFC-S has one block a layer here, which is the same but for its size; test_dfc_published.py reads whole ones.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
import torch

from maskreel.common.cli import main
from maskreel.common.errors import InputError
from maskreel.common.weights import load_state_dict
from maskreel.inpaint.commands.train_dfc import train_dfc
from maskreel.inpaint.dfc import DFCS, Cascade, load_imagenet, networks, save_cascade
from maskreel.inpaint.dfc.dfc_s import FrozenBatchNorm, MultiScaleHead
from maskreel.inpaint.dfc.small import SmallStage
from maskreel.inpaint.dfc.training_start import cascade_to_train
from maskreel.inpaint.dfc.weights_file import MOST_CELLS
from maskreel.inpaint.dfc_training.settings import CompletionLoss
from maskreel.inpaint.dfc_training.task import CompletionTask

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("one_thread")


def short_dfc_s(in_channels: int = 33, out_channels: int = 2) -> DFCS:
    return DFCS(MultiScaleHead(2048, out_channels), in_channels=in_channels, blocks=(1, 1, 1, 1))


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "dfc_s", short_dfc_s)


def published(path: Path, channels: int, value: float) -> Path:
    """A stage as its authors save it, all of it one number, which the file holds once per key."""
    with torch.device("meta"):
        state = short_dfc_s(channels, 2 if channels == 33 else 4).state_dict()
    model = {f"module.{key}": torch.tensor(value).expand(tensor.shape) for key, tensor in state.items()}
    torch.save({"n_iter": 1, "model": model}, path)
    return path


@pytest.fixture(scope="module")
def resnet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ResNet-50 with one block a layer, as torchvision saves it."""
    from torchvision.models.resnet import Bottleneck, ResNet

    torch.manual_seed(3)
    path = tmp_path_factory.mktemp("resnet") / "resnet50-0676ba61.pth"
    torch.save(ResNet(Bottleneck, [1, 1, 1, 1]).state_dict(), path)
    return path


def value(stage: torch.nn.Module) -> float:
    return float(stage.state_dict()["layer4.0.conv2.weight"].unique())


def test_published_stages_are_taken_in_their_order(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="maskreel")
    one, two, three = (published(tmp_path / f"{i}.pth", 33 if i == 1 else 66, i) for i in (1, 2, 3))
    assert [value(stage) for stage in cascade_to_train("dfc-s", "joint", [one, two, three]).stages] == [1, 2, 3]
    assert [value(stage) for stage in cascade_to_train("dfc-s", "2", [two, one]).stages] == [1, 2]
    caplog.clear()
    assert [value(stage) for stage in cascade_to_train("dfc-s", "3", [one, two]).stages] == [1, 2, 2]
    assert [record.message for record in caplog.records] == [
        f"stage 1 begins with stage 1 of {one}",
        f"stage 2 begins with stage 2 of {two}",
        f"stage 3 begins with stage 2 of {two}",
    ]


@pytest.mark.parametrize("stage", ["1", "2", "3"])
def test_a_resnet_for_images_fills_the_stage_that_is_trained(
    stage: str, tmp_path: Path, resnet: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="maskreel")
    before = [published(tmp_path / f"{i}.pth", 33 if i == 1 else 66, i) for i in range(1, int(stage))]
    torch.manual_seed(0)
    cascade = cascade_to_train("dfc-s", stage, [*before, resnet])  # pyright: ignore[reportArgumentType]
    assert f"stage {stage} begins with the ResNet for images of {resnet}, under a new head" in caplog.text
    *earlier, trained = cascade.stages
    assert [value(part) for part in earlier] == list(range(1, int(stage)))
    torch.manual_seed(0)
    expected = short_dfc_s(*((33, 2) if stage == "1" else (66, 4)))
    load_imagenet(expected, load_state_dict(resnet))
    for (name, found), wanted in zip(trained.state_dict().items(), expected.state_dict().values(), strict=True):
        assert torch.equal(found, wanted), name


def test_a_third_stage_after_a_cascade(tmp_path: Path) -> None:
    saved = tmp_path / "two.safetensors"
    save_cascade(saved, Cascade(short_dfc_s(), short_dfc_s(66, 4)), network="dfc-s")
    three = published(tmp_path / "3.pth", 66, 3.0)
    cascade = cascade_to_train("dfc-s", "3", [saved, three])
    assert value(cascade.stages[2]) == 3.0
    state = load_state_dict(saved)
    assert torch.equal(
        cascade.stages[1].state_dict()["layer1.0.conv1.weight"].half(), state["stage2.layer1.0.conv1.weight"]
    )


def test_cells_are_those_of_the_files_unless_told_otherwise(tmp_path: Path) -> None:
    path = tmp_path / "one.safetensors"
    save_cascade(path, Cascade(SmallStage(cells=77)), network="small")
    assert [stage.cells for stage in cascade_to_train("small", "2", [path]).stages] == [77, 77]
    assert [stage.cells for stage in cascade_to_train("small", "2", [path], cells=99).stages] == [99, 99]
    assert cascade_to_train("small", "1").stage1.cells == 1620


def test_what_does_not_go_together_is_told(tmp_path: Path, resnet: Path) -> None:
    one, two, other = (published(tmp_path / f"{name}.pth", c, 1.0) for name, c in (("1", 33), ("2", 66), ("o", 33)))
    small = tmp_path / "small.safetensors"
    save_cascade(small, Cascade(SmallStage()), network="small")
    odd = tmp_path / "odd.pth"
    torch.save({"conv1.weight": torch.zeros(64, 9, 7, 7), "layer5.a": torch.zeros(1)}, odd)
    for network, stage, files, sentence in (
        ("small", "2", [one], r"--weights .*1.pth is for --network dfc-s, got --network small"),
        ("small", "1", [resnet], r"--weights .*resnet50-.* is for --network dfc-s, got --network small"),
        ("dfc-s", "1", [small], r"--weights .*small.safetensors is for --network small, got --network dfc-s"),
        ("dfc-s", "1", [one, other], r"1.pth and .*o.pth both hold stage 1; give one"),
        ("dfc-s", "1", [resnet, resnet], r"both hold a ResNet for images; give one"),
        ("dfc-s", "1", [one, resnet], r"resnet50-.* holds a ResNet for images, to start a stage from, but there is st"),
        ("dfc-s", "joint", [resnet], r"--stage joint needs --weights with the stages"),
        ("dfc-s", "1", [one, two], r"2.pth is for stage 2 or 3, which --stage 1 has no use for"),
        ("dfc-s", "2", [resnet], r"--stage 2 needs --weights with stage 1; train that first"),
        ("dfc-s", "joint", [two], r"--stage joint needs --weights with stage 1"),
        ("dfc-s", "1", [odd], r"odd.pth is for no stage of DFC-Net: it has 9 channels in"),
    ):
        with pytest.raises(InputError, match=sentence):
            cascade_to_train(network, stage, files)  # pyright: ignore[reportArgumentType]


def test_another_resnet_for_images_is_told(tmp_path: Path) -> None:
    torch.save({"conv1.weight": torch.zeros(64, 3, 7, 7), "fc.bias": torch.zeros(10)}, tmp_path / "resnet18.pth")
    with pytest.raises(InputError, match=r"--weights .*resnet18.pth does not fit DFCS; keys \d+ missing: bn1.weight"):
        cascade_to_train("dfc-s", "1", [tmp_path / "resnet18.pth"])


def test_cells_that_cannot_be_are_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    pytest.importorskip("mmengine")
    command = ["-q", "inpaint", "train-dfc", "-o", str(tmp_path / "run"), "--smoke"]
    assert main([*command, "--network", "dfc-s", "--cells", "5"]) == 2
    assert "--cells 5 is for --network small alone; dfc-s works on every pixel" in capsys.readouterr().err
    for cells in (0, MOST_CELLS + 1):
        with pytest.raises(InputError, match=f"--cells must be 1 to {MOST_CELLS}, got {cells}"):
            train_dfc(tmp_path / "run", cells=cells, smoke=True)
    assert not (tmp_path / "run").exists()


def test_the_help_shows_each_example_on_a_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["inpaint", "train-dfc", "--help"])
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    examples = [line for line in lines if line.startswith("maskreel inpaint train-dfc")]
    assert [line.partition("train-dfc ")[2] for line in examples] == [
        "-o a",
        "-o b --stage 2 --weights a/cascade.safetensors",
        "-o c --stage joint --weights b/cascade.safetensors",
    ]


def test_batch_norm_stays_frozen_when_dfc_s_is_trained() -> None:
    """As published, weight and bias included."""
    cascade = Cascade(short_dfc_s())
    CompletionTask(cascade, "1", loss=CompletionLoss(1.0, 0.0))
    norms = [module for module in cascade.modules() if isinstance(module, FrozenBatchNorm)]
    assert len(norms) > 10
    assert not any(parameter.requires_grad for norm in norms for parameter in norm.parameters())
    assert cascade.stage1.conv1.weight.requires_grad  # pyright: ignore[reportAttributeAccessIssue]
