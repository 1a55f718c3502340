"""`maskreel inversion doctor`, from the command line to the table and the file."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from maskreel.common.cli import run_subcommands
from maskreel.common.errors import InputError
from maskreel.common.maskrcnn import TrainingRecord, build_shapes, save_shapes, shapes_maskrcnn
from maskreel.common.video import Clip, write_frames
from maskreel.common.world import TableScene
from maskreel.inversion.commands.doctor import doctor
from maskreel.inversion.statistics import FeatureStatistics, Reference

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

    from maskreel.common.maskrcnn import MaskRCNN


def run(*argv: object) -> int | None:
    return run_subcommands({"doctor": doctor}, ["doctor", *map(str, argv)], "maskreel inversion")


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of the scene that the `shapes` network was trained on."""
    folder = tmp_path_factory.mktemp("table") / "frames"
    scene = TableScene(frames=6)
    frames = np.stack([scene.frames_and_labels(seed)[0][5] for seed in range(4)])
    write_frames(folder, [Clip.from_numpy(frames, Fraction(25))])
    return folder


def backbone(model: MaskRCNN) -> dict[str, nn.Module]:
    return {name: layer for name, layer in model.batch_norm_layers().items() if name.startswith("backbone.")}


def test_table_and_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("shapes", "--device", "cpu") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["layer", "kind", "channels", "used", "distance"]
    used = [line.split()[:4] for line in lines if " yes" in line]
    expected = backbone(shapes_maskrcnn())
    assert len(used) == len(expected) == 15
    assert used[0][1:] == ["live", "24", "yes"]
    assert sum(" no " in line for line in lines) == 7
    assert lines[-1] == "Usable: 15 layers with statistics."


def test_frames_of_its_own_scene_are_near_and_are_saved(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "statistics.safetensors"
    assert run("shapes", "--device", "cpu", "--frames", table, "--save", path, "--batch", 3) == 0
    text = capsys.readouterr().out
    distances = [float(line.split()[4]) for line in text.splitlines() if " yes" in line]
    assert len(distances) == 15
    assert max(distances) < 0.5
    assert "Usable: 15 layers with statistics." in text
    reference = Reference.load(path)
    assert reference.frames == 4
    assert path.stat().st_size < 50_000
    FeatureStatistics(backbone(shapes_maskrcnn()), reference=reference)


def test_frames_of_another_world_make_it_unusable_unless_they_are_saved(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    noise = torch.randint(0, 256, (2, 3, 96, 128), dtype=torch.uint8)
    write_frames(tmp_path / "noise", [Clip(noise, Fraction(25))])
    command = ("shapes", "--device", "cpu", "--frames", tmp_path / "noise")
    assert run(*command) == 1
    assert "Not usable for such frames: 15 of 15 layers are stale" in capsys.readouterr().out
    assert run(*command, "--save", tmp_path / "s.safetensors") == 0
    assert (tmp_path / "s.safetensors").is_file()


def test_untrained_weights_are_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_shapes(build_shapes(), tmp_path / "new.safetensors", TrainingRecord("", "", 0, "", 0.0, {}))
    assert run("shapes", "--weights", tmp_path / "new.safetensors", "--device", "cpu") == 1
    text = capsys.readouterr().out
    assert "Not usable as it is: 15 of 15 layers cannot be used (backbone.stem.1: identity statistics" in text


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--save", "s.safetensors"), "--save needs --frames"),
        (("--save", "s.pt", "--frames", "x"), r"--save must end in .safetensors, got s\.pt"),
        (("--batch", "0"), "--batch must be 1 or more, got 0"),
        (("--frames", "nowhere"), "nowhere does not exist"),
    ],
)
def test_bad_flags(flags: tuple[str, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        run("shapes", "--device", "cpu", *flags)
