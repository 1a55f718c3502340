from __future__ import annotations

import json
import os
from contextlib import nullcontext
from typing import TYPE_CHECKING

import pytest

from maskreel.common.atomic import atomic_folder, atomic_path, remove_scratch, write_json

if TYPE_CHECKING:
    from pathlib import Path


def test_file_appears_only_at_the_end(tmp_path: Path) -> None:
    target = tmp_path / "new" / "clip.mp4"
    with atomic_path(target) as scratch:
        assert scratch.parent == target.parent
        assert scratch.suffix == ".mp4"
        scratch.write_text("whole")
        assert not target.exists()
    assert target.read_text() == "whole"
    assert os.listdir(target.parent) == ["clip.mp4"]  # noqa: PTH208


def test_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "clip.mp4"
    target.write_text("old")

    def fail() -> None:
        with atomic_path(target) as scratch:
            scratch.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert target.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["clip.mp4"]


def test_result_has_the_permissions_of_any_other_file(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_json(tmp_path / "a.json", 1)
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(before)
    assert (tmp_path / "a.json").stat().st_mode & 0o777 == 0o640


def test_a_folder_appears_only_at_the_end(tmp_path: Path) -> None:
    target = tmp_path / "new" / "frames"
    before = os.umask(0o027)
    try:
        with atomic_folder(target) as scratch:
            assert scratch.parent == target.parent
            (scratch / "00000.png").write_text("one")
            assert not target.exists()
    finally:
        os.umask(before)
    assert [path.name for path in target.iterdir()] == ["00000.png"]
    assert target.stat().st_mode & 0o777 == 0o750
    assert [path.name for path in target.parent.iterdir()] == ["frames"]


def test_an_empty_folder_is_replaced_and_no_other(tmp_path: Path) -> None:
    (tmp_path / "frames").mkdir()
    for count in (1, 2):
        with (
            pytest.raises(OSError, match="not empty") if count == 2 else nullcontext(),
            atomic_folder(tmp_path / "frames") as scratch,
        ):
            (scratch / "a.png").write_text(str(count))
        assert (tmp_path / "frames/a.png").read_text() == "1"
    assert [path.name for path in tmp_path.iterdir()] == ["frames"]


def test_a_failure_leaves_no_folder(tmp_path: Path) -> None:
    def fail() -> None:
        with atomic_folder(tmp_path / "frames") as scratch:
            (scratch / "a.png").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert not list(tmp_path.iterdir())


def test_json_round_trip(tmp_path: Path) -> None:
    value = {"mask": [1, 2.5, None], "name": "Straße"}
    write_json(tmp_path / "a.json", value)
    assert json.loads((tmp_path / "a.json").read_text()) == value


def test_json_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="not JSON serializable"):
        write_json(tmp_path / "a.json", {1, 2})
    assert list(tmp_path.iterdir()) == []


def test_what_killed_processes_leave_is_removed_and_nothing_else(tmp_path: Path) -> None:
    for name in (".git", ".notes.part.txt", "film.mp4", "a.12345678.part"):
        (tmp_path / name).mkdir()
    with atomic_path(tmp_path / "clip.mp4") as film, atomic_folder(tmp_path / "frames") as frames:
        (frames / "0.png").touch()
        remove_scratch(tmp_path)
        assert not film.exists()
        assert sorted(path.name for path in tmp_path.iterdir()) == [
            ".git",
            ".notes.part.txt",
            "a.12345678.part",
            "film.mp4",
        ]
        film.touch()
        frames.mkdir()


def test_what_is_left_of_one_file_is_removed_and_that_of_others_stays(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "a[1].npy") as mine, atomic_path(tmp_path / "a1.npy") as other:
        remove_scratch(tmp_path, stem="a[1]")
        assert not mine.exists()
        assert other.exists()
        mine.touch()
