"""The job folder: what is kept, what is done anew, and who may work in it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from maskreel.common.errors import InputError
from maskreel.inpaint.running.job import Job

if TYPE_CHECKING:
    from pathlib import Path

HOLD_THE_LOCK = """
import sys
from pathlib import Path
from maskreel.inpaint.running.job import Job
with Job(Path(sys.argv[1])).lock():
    print("locked", flush=True)
    sys.stdin.read()
"""


def test_a_stage_is_kept_under_the_same_settings(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"a": 1, "regions": ("x", "y"), "nothing": None, "rate": 2.5}
    folder = Job(tmp_path).stage("masks", settings)
    assert folder == tmp_path / "masks"
    (folder / "000000.npz").write_bytes(b"done")
    again = Job(tmp_path).stage("masks", dict(reversed(settings.items())))
    assert (again / "000000.npz").read_bytes() == b"done"


@pytest.mark.parametrize("other", [{"a": 2}, {"a": 1, "b": 1}, {}, {"a": "1"}])
def test_a_stage_of_other_settings_is_done_anew(tmp_path: Path, other: dict[str, Any]) -> None:
    job = Job(tmp_path)
    (job.stage("masks", {"a": 1}) / "000000.npz").write_bytes(b"old")
    (job.stage("survey", {"a": 1}) / "survey.npz").write_bytes(b"kept")
    folder = job.stage("masks", other)
    assert [path.name for path in folder.iterdir()] == ["settings.json"]
    assert (job.stage("survey", {"a": 1}) / "survey.npz").exists()
    (folder / "000000.npz").write_bytes(b"new")
    assert (job.stage("masks", other) / "000000.npz").read_bytes() == b"new"


def test_what_a_killed_run_was_writing_is_removed(tmp_path: Path) -> None:
    folder = Job(tmp_path).stage("fill", {})
    (folder / ".000003.x1y2.part.npz").write_bytes(b"half")
    (folder / "000002.npz").write_bytes(b"whole")
    Job(tmp_path).stage("fill", {})
    assert sorted(path.name for path in folder.iterdir()) == ["000002.npz", "settings.json"]


@pytest.mark.parametrize("left", [[], [".settings.x1y2.part.json"]])
def test_a_run_killed_before_it_wrote_the_settings_is_begun_anew(tmp_path: Path, left: list[str]) -> None:
    (tmp_path / "fill").mkdir()
    for name in left:
        (tmp_path / "fill" / name).write_text("{")
    folder = Job(tmp_path).stage("fill", {"a": 1})
    assert [path.name for path in folder.iterdir()] == ["settings.json"]


def test_a_folder_of_somebody_else_is_not_touched(tmp_path: Path) -> None:
    """`--masks work/masks --job work` would otherwise delete the masks."""
    (tmp_path / "masks").mkdir()
    (tmp_path / "masks" / "00000.png").write_bytes(b"precious")
    with pytest.raises(
        InputError, match=r"masks holds files that are not of this job; name another folder for the job"
    ):
        Job(tmp_path).stage("masks", {"a": 1})
    assert (tmp_path / "masks" / "00000.png").read_bytes() == b"precious"


def test_another_process_cannot_work_in_the_same_job(tmp_path: Path) -> None:
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD_THE_LOCK, str(tmp_path / "job")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert other.stdin is not None
    assert other.stdout is not None
    with other:
        assert other.stdout.readline() == "locked\n"
        with (
            pytest.raises(InputError, match=r"job: another run is at work here; wait for it"),
            Job(tmp_path / "job").lock(),
        ):
            pass
        other.kill()  # a killed run gives the folder back
        other.wait()
        with Job(tmp_path / "job").lock():
            assert (tmp_path / "job" / ".lock").exists()


def test_the_lock_is_given_back_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(KeyError), Job(tmp_path).lock():
        raise KeyError
    with Job(tmp_path).lock():
        pass
