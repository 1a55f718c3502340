"""Folders of unfinished work."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from maskreel.common.errors import InputError
from maskreel.common.job_folder import identify, locked

if TYPE_CHECKING:
    from pathlib import Path

HOLD = """
import sys, time
from pathlib import Path
from maskreel.common.job_folder import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_one_process_at_a_time_and_a_killed_one_holds_nothing(tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    folder = tmp_path / "new" / "job"
    with subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(InputError, match="another run is at work in this job folder"), locked(folder):
            pass
        other.kill()
    with locked(folder):
        assert (folder / "lock").is_file()


def test_a_file_is_told_by_name_size_and_its_ends(tmp_path: Path) -> None:
    path = tmp_path / "video.mp4"
    path.write_bytes(bytes(3 << 20))
    first = identify(path)
    assert (first["name"], first["bytes"]) == ("video.mp4", 3 << 20)
    os.utime(path, (1, 1))
    assert identify(path) == first
    for content in (b"x" + bytes((3 << 20) - 1), bytes((3 << 20) - 1) + b"x", bytes((3 << 20) + 1)):
        path.write_bytes(content)
        assert identify(path) != first


def test_a_folder_is_told_by_its_files_and_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "0.png").write_bytes(b"a")
    first = identify(tmp_path)
    (tmp_path / "1.png").write_bytes(b"b")
    assert identify(tmp_path) != first
    (tmp_path / "1.png").unlink()
    assert identify(tmp_path) == first
    os.utime(tmp_path / "0.png", (1, 1))
    assert identify(tmp_path) != first
    with pytest.raises(InputError, match="none: there is no such file or folder"):
        identify(tmp_path / "none")
