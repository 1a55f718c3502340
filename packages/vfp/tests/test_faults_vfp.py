"""A full disk, a second process and a kill while results change places; kills and Ctrl-C: see test_cli_forecast."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import numpy as np
import pytest

from maskreel.common.errors import InputError
from maskreel.common.job_folder import locked
from maskreel.common.world import Splits, TableScene, write_dataset
from maskreel.vfp.cli import main
from maskreel.vfp.data._new_array import new_array
from maskreel.vfp.data._picture_results import FOLDER_RECORD, FolderResult
from maskreel.vfp.frames import FramePredictionTask
from maskreel.vfp.frames._config import FrameLoss
from maskreel.vfp.masks import MaskForecastTask, MaskLoss

if TYPE_CHECKING:
    from pathlib import Path

fallocate = pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="the system cannot reserve room")


@fallocate
def test_room_for_an_array_is_there_before_it_is_filled(tmp_path: Path) -> None:
    array = new_array(tmp_path / "a.npy", np.uint8, (4, 100, 1000))
    state = (tmp_path / "a.npy").stat()
    assert 512 * state.st_blocks >= state.st_size > 4 * 100 * 1000
    array[2] = 7
    array.flush()
    assert np.load(tmp_path / "a.npy").sum() == 7 * 100 * 1000


@fallocate
def test_an_array_on_a_full_disk_is_refused_and_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int, start: int, length: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match=r"No space left on device: .*a\.npy"):
        new_array(tmp_path / "a.npy", np.uint8, (4, 5))
    assert list(tmp_path.iterdir()) == []


@fallocate
def test_a_file_system_that_cannot_reserve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def cannot(handle: int, start: int, length: int) -> None:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(os, "posix_fallocate", cannot)
    assert new_array(tmp_path / "a.npy", np.uint8, (4, 5)).shape == (4, 5)


def test_two_processes_with_one_result(tmp_path: Path) -> None:
    """They would write into one unfinished array; other results in the folder are free."""
    pytest.importorskip("fcntl")
    write_dataset(TableScene(size=(32, 48)), tmp_path / "data", Splits(hidden=1), seed=8, workers=0)
    words = ["forecast", str(tmp_path / "data/hidden"), "--method", "copy", "--device", "cpu", "-o"]
    with (
        locked(tmp_path, name=".pred.npy.lock"),
        pytest.raises(InputError, match=r"pred\.npy: another run is at work here; wait for it"),
    ):
        main([*words, str(tmp_path / "pred.npy")], prog="maskreel vfp")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]


@pytest.mark.parametrize("verb", ["evaluate", "predict"])
def test_two_processes_with_one_folder_and_what_a_killed_one_leaves(tmp_path: Path, verb: str) -> None:
    """Arrays of all clips would pile up beside the results, hidden."""
    pytest.importorskip("fcntl")
    write_dataset(TableScene(), tmp_path / "data", Splits(val=1), seed=0, workers=0)
    out = tmp_path / "out"
    out.mkdir()
    (out / ".frames.a1b2c3d4.part.npy").touch()
    (out / ".mine.npy").touch()
    source = tmp_path / "data" / ("val" if verb == "predict" else "")
    command = [verb, str(source), "-o", str(out), *(["--method", "copy"] if verb == "evaluate" else [])]
    with locked(out), pytest.raises(InputError, match=r"out: another run is at work here; wait for it"):
        main(command, prog="maskreel vfp")
    assert (out / ".frames.a1b2c3d4.part.npy").exists()
    assert main(command, prog="maskreel vfp") == 0
    assert [path.name for path in out.glob(".*")] == [".mine.npy"]


def test_pictures_that_a_killed_run_was_writing_are_not_among_the_results(tmp_path: Path) -> None:
    FolderResult(tmp_path / "pictures", {})._progress.tell(1)
    unfinished = tmp_path / ".pictures.part"
    (unfinished / "video_0.png").touch()
    (unfinished / ".video_1.a1b2c3d4.part.gif").touch()
    again = FolderResult(tmp_path / "pictures", {})
    assert again.done == 1
    assert [path.name for path in unfinished.iterdir()] == ["video_0.png"]


def test_a_folder_is_replaced_without_a_moment_in_which_both_are_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed while the old one is deleted, the new one is there already."""
    old = tmp_path / "pictures"
    old.mkdir()
    (old / FOLDER_RECORD).write_text("old")
    result = FolderResult(old, {})
    result.record.write_text("new")
    calls: list[object] = []

    def killed(*arguments: object, **options: object) -> None:
        calls.append(arguments)
        if len(calls) == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("shutil.rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            result.finish()
    assert (old / FOLDER_RECORD).read_text() == "new"
    again = FolderResult(old, {})
    again.record.write_text("newer")
    again.finish()
    assert (old / FOLDER_RECORD).read_text() == "newer"
    assert not [path for path in tmp_path.iterdir() if ".old." in path.name]


def test_trainings_tell_what_they_minimise() -> None:
    """`train` refuses to go on with other losses."""
    masks, frames = MaskForecastTask.__new__(MaskForecastTask), FramePredictionTask.__new__(FramePredictionTask)
    masks.loss = MaskLoss(target_weight=3.0)
    assert masks.identity()["target_weight"] == 3.0
    from maskreel.vfp.frames._config import FeedConfig

    frames.loss, frames.feed = FrameLoss(l1=0.5), FeedConfig()
    assert {"l1": 0.5, "feed": "own"}.items() <= frames.identity().items()
