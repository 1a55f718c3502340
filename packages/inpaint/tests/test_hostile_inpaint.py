"""Hostile input of the readers that only maskreel inpaint has."""

from __future__ import annotations

import importlib.util
import os
import re
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from maskreel.common.errors import InputError
from maskreel.inpaint.deepfill.checkpoint import load_deepfill
from maskreel.inpaint.dfc import load_cascade, load_published
from maskreel.inpaint.generator import load_generator
from maskreel.inpaint.openmmlab._checkpoints import read_checkpoint
from maskreel.inpaint.openmmlab._config_file import read_config_file
from maskreel.inpaint.painting.lama import LaMaInpainter
from maskreel.inpaint.running.figures import Figures
from maskreel.inpaint.scene.clean_plate import CleanPlate
from maskreel.inpaint.scene.survey import Survey

if TYPE_CHECKING:
    from collections.abc import Callable


class Bomb:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize(
    "read",
    [load_deepfill, lambda path: load_published(path, stage=1), load_cascade, load_generator, read_checkpoint],
    ids=["deepfill", "dfc", "cascade", "generator", "openmmlab"],
)
@pytest.mark.parametrize("entry", ["model", "state_dict", "meta"])
def test_published_checkpoints_that_would_run_code(tmp_path: Path, read: Callable[[Path], object], entry: str) -> None:
    path = tmp_path / "a.pth"
    torch.save({"x": torch.zeros(1), entry: Bomb(tmp_path / "made")}, path)
    with pytest.raises(InputError, match=r"a\.pth is refused: it asks for \w+\.mkdir"):
        read(path)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("read", [CleanPlate.load, Figures.load, Survey.load])
def test_files_of_a_job(tmp_path: Path, read: Callable[[Path], object]) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, seen=np.array([Bomb(tmp_path / "made")], dtype=object))
    with pytest.raises(InputError, match=r"a\.npz cannot be read as an \.npz archive of arrays"):
        read(path)
    assert not (tmp_path / "made").exists()
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(InputError, match=r"a\.npz cannot be read as an \.npz archive of arrays"):
        read(path)


class Reaches(torch.nn.Module):
    def forward(self, image: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return image + torch.from_file("made", True, 4).sum()


def scripted(path: Path, module: torch.nn.Module) -> Path:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(module), path)
    return path


def test_scripts_that_reach_for_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"a\.pt is refused: its script uses 'from_file', which reaches beyond"):
        LaMaInpainter(scripted(tmp_path / "a.pt", Reaches()), device="cpu")
    assert not Path("made").exists()


def test_scripts_in_archives_that_lead_elsewhere(tmp_path: Path) -> None:
    path = scripted(tmp_path / "a.pt", torch.nn.Identity())
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../../evil", "x")
    with pytest.raises(InputError, match=r"a\.pt is refused: an entry of the archive leads out of it"):
        LaMaInpainter(path, device="cpu")


@pytest.mark.parametrize(
    "text",
    [
        "import os",
        "model = __import__('os').mkdir('made')",
        "model = open('made', 'w')",
        "model = (lambda: 1)()",
        "exec('x')",
        "model = dict(**open('x'))",
        "model = dict(**[1])",
        "model = [i for i in range(10 ** 9)]",
        "model = [i for i in range(1000000)]",
        "model = 'x' * 10 * 1000000000",
        "model = (((1,) * 9999) * 9999)",
        "model = 9 * 999999999999999999999 * 9",
        "model = " + "-" * 5000 + "1",
        "model = " + "(" * 5000,
        "model = x",
        "class A: pass",
        "_base_ = 'a.py'",
        "_base_ = '/etc/passwd'",
        "model = '\0'",
    ],
)
def test_configurations_never_run(tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.py").write_text(text)
    with pytest.raises(InputError, match=r"(a\.py|passwd) is not a readable configuration: "):
        read_config_file(tmp_path / "a.py")
    assert not Path("made").exists()


def test_configurations_are_read_as_mmengine_reads_them(tmp_path: Path) -> None:
    (tmp_path / "base.py").write_text(
        '"""A base."""\nnorm = dict(type="BN")\nmodel = dict(type="A", depth=18, norm=norm, head=dict(a=1, b=2))\n'
    )
    (tmp_path / "a.py").write_text(
        "_base_ = ['base.py']\nwide = 2 * 8 + 1\n"
        "model = dict(depth=50, widths=(4,) * 3, names=[f'level{i}' for i in range(1, 3)],\n"
        "             head=dict(_delete_=True, c=-wide / 2), x={'k': [None, True]}, y=dict(z=1, **{'w': 2}))\n"
    )
    mine = read_config_file(tmp_path / "a.py")
    assert mine["model"] == {
        "type": "A",
        "depth": 50,
        "norm": {"type": "BN"},
        "head": {"c": -8.5},
        "widths": (4, 4, 4),
        "names": ["level1", "level2"],
        "x": {"k": [None, True]},
        "y": {"z": 1, "w": 2},
    }
    if importlib.util.find_spec("mmengine") is not None:
        from mmengine.config import Config

        assert Config.fromfile(tmp_path / "a.py").to_dict() == mine


@pytest.mark.parametrize("kind", ["os.mkdir", "torch.hub.load", "mmengine.mkdir_or_exist", 7])
def test_networks_of_a_configuration_go_by_plain_names(kind: object) -> None:
    from maskreel.inpaint.openmmlab._configs import _check_types

    with pytest.raises(InputError, match=re.escape(f"asks for type {kind!r}, expected the name of a network alone")):
        _check_types({"type": "A", "head": [{"type": "B"}, ({"type": kind},)]})


def test_scripts_that_unpack_to_gigabytes(tmp_path: Path) -> None:
    path = scripted(tmp_path / "a.pt", torch.nn.Identity())
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/code/bomb.py", bytes(70 << 20))
    with pytest.raises(InputError, match=r"a\.pt is refused: an entry of the archive is packed, 73400320 bytes in"):
        LaMaInpainter(path, device="cpu")
