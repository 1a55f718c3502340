"""A second process in a run, and a kill while an old run is taken away; kills and Ctrl-C: see test_job."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from maskreel.common import masks as mask_tools
from maskreel.common.errors import InputError
from maskreel.common.job_folder import locked
from maskreel.inversion.cli import main
from maskreel.inversion.run_folder import RunFolder

pytestmark = pytest.mark.usefixtures("tiny_on_path")
QUICK = ("--teacher", "tiny_teacher:tiny", "--device", "cpu", "--steps", "3", "--stages", "1", "--levels", "2")


@pytest.fixture
def masks(tmp_path: Path) -> Path:
    for index in range(2):
        labels = torch.zeros(32, 48, dtype=torch.uint8)
        labels[8:20, 4 + 4 * index : 20 + 4 * index] = 1
        mask_tools.write_label_png(tmp_path / "masks" / f"{index:05d}.png", labels)
    return tmp_path / "masks"


def run(*argv: Any) -> int | None:
    return main(["run", *map(str, argv), *QUICK], prog="maskreel inversion")


@pytest.mark.parametrize("name", [".lock", ".all.lock"])
def test_a_second_process_is_refused(masks: Path, tmp_path: Path, name: str) -> None:
    """The second name is of a job that outlives the command, as jobs of Slurm do."""
    pytest.importorskip("fcntl")
    with locked(tmp_path / "run", name=name), pytest.raises(InputError, match="run: another run is at work here"):
        run(masks, "-o", tmp_path / "run")
    assert run(masks, "-o", tmp_path / "run") == 0
    assert RunFolder(tmp_path / "run").frames_done() == (0, 1)
    assert not list((tmp_path / "run").glob(".*"))


def test_what_killed_runs_leave_goes_when_all_is_made(masks: Path, tmp_path: Path) -> None:
    assert run(masks, "-o", tmp_path / "film.mkv") == 0
    made = sorted(path.name for path in tmp_path.rglob("*"))
    for name in (".film.a1b2c3d4.part.mkv", "film.run/.all.lock", "film.run/.state_all.a1b2c3d4.part.pt",
                 "film.run/frames/.00001.a1b2c3d4.part.png"):  # fmt: skip
        (tmp_path / name).touch()
    (tmp_path / ".other.a1b2c3d4.part.mkv").touch()
    assert run(masks, "-o", tmp_path / "film.mkv") == 0
    (tmp_path / ".other.a1b2c3d4.part.mkv").unlink()
    assert sorted(path.name for path in tmp_path.rglob("*")) == made


def test_frames_of_an_old_run_do_not_get_into_a_new_one(
    masks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed while --overwrite deletes: the frames must be gone before the record that tells how they were made."""
    assert run(masks, "-o", tmp_path / "run") == 0
    left: list[bool] = []

    def deleted(path: Path, **options: Any) -> None:
        if Path(path) == tmp_path / "run/frames":
            left.append((tmp_path / "run/run.json").is_file())
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", deleted)
        with pytest.raises(KeyboardInterrupt):
            run(masks, "-o", tmp_path / "run", "--overwrite")
    assert left == [True]
    assert run(masks, "-o", tmp_path / "run", "--overwrite", "--lr", 0.2) == 0
    assert RunFolder(tmp_path / "run").record["config"]["lr"] == 0.2
