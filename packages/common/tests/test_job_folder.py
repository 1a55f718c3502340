"""Folders of unfinished work."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
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

FORK = """
import os, signal, sys, time
from pathlib import Path
from maskreel.common.job_folder import locked
started, starts = os.pipe()
with locked(Path(sys.argv[1])):
    worker = os.fork()
    if worker == 0:
        os.close(1)
        os.write(starts, b"!")
        time.sleep(60)
    os.read(started, 1)
    print(worker, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_one_process_at_a_time_and_a_killed_one_holds_nothing(tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    folder = tmp_path / "new" / "job"
    with subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(InputError, match="job: another run is at work here; wait for it"), locked(folder):
            pass
        with locked(folder, name=".other"):
            pass  # holds something else
        other.kill()
    assert [path.name for path in folder.iterdir()] == [".lock"], "as a killed process leaves it"
    with locked(folder):
        assert (folder / ".lock").is_file()
    assert list(folder.iterdir()) == []


def test_a_folder_that_was_made_and_stays_empty_goes_again(tmp_path: Path) -> None:
    with locked(tmp_path / "empty"):
        pass
    with locked(tmp_path / "used"):
        (tmp_path / "used" / "result").touch()
    assert [path.name for path in tmp_path.iterdir()] == ["used"]


def test_the_error_names_what_is_held(tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    with (
        locked(tmp_path, told=tmp_path / "film"),
        pytest.raises(InputError, match="film: another run is at work"),
        locked(tmp_path, told=tmp_path / "film"),
    ):
        pass


def test_a_worker_that_outlives_its_process_holds_nothing(tmp_path: Path) -> None:
    """Such as a data loader's: they notice the death of what they load for after some seconds."""
    pytest.importorskip("fcntl")
    with subprocess.Popen([sys.executable, "-c", FORK, str(tmp_path)], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        worker = int(other.stdout.readline())
        other.wait()
        try:
            os.kill(worker, 0)  # it lives
            with locked(tmp_path):
                pass
        finally:
            os.kill(worker, signal.SIGKILL)


def test_waiting_for_a_folder_that_the_other_run_removes(tmp_path: Path) -> None:
    """A lock on a removed file would keep nobody out: who waited must hold the new one."""
    pytest.importorskip("fcntl")
    folder, entered, found = tmp_path / "job", threading.Event(), []

    def other() -> None:
        with locked(folder, wait=True):
            found.append((folder / ".lock").is_file())
            entered.set()
            leave.wait(20)

    leave, thread = threading.Event(), threading.Thread(target=other)
    with locked(folder):
        thread.start()
        assert not entered.wait(0.2)
        shutil.rmtree(folder)
    assert entered.wait(20)
    with pytest.raises(InputError, match="at work here"), locked(folder):
        pass
    leave.set()
    thread.join()
    assert found == [True]


def test_a_lock_of_another_run_in_a_folder_made_anew_is_left_alone(tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    folder = tmp_path / "job"
    with ExitStack() as second:
        with locked(folder):
            shutil.rmtree(folder)
            second.enter_context(locked(folder))
        with pytest.raises(InputError, match="at work here"), locked(folder):
            pass


def test_file_systems_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fcntl = pytest.importorskip("fcntl")

    def refuse(handle: int, flags: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with locked(tmp_path), locked(tmp_path):
        pass


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


def test_edits_in_the_middle_of_a_file_are_noticed(tmp_path: Path) -> None:
    """Of 3 MB and less every byte counts; of 64 MB what is as long as the gap between two samples."""
    short, long = tmp_path / "short", tmp_path / "long"
    for size, path in ((3 << 20, short), (64 << 20, long)):
        path.write_bytes(bytes(size))
    first, seen = identify(short), set()
    for place in range(0, 3 << 20, 299_999):
        _poke(short, place, b"x")
        seen.add(identify(short)["sha256"])
        _poke(short, place, b"\0")
    assert len(seen) == 11
    assert identify(short) == first
    assert first["sha256"] not in seen
    first, gap = identify(long), (62 << 20) // 15
    for place in range(1 << 20, 60 << 20, 7 << 20):
        _poke(long, place, b"x" * gap)
        assert identify(long) != first
        _poke(long, place, bytes(gap))
    assert identify(long) == first


def test_little_is_read_of_a_long_file(tmp_path: Path) -> None:
    path = tmp_path / "film"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # a terabyte of nothing
    began = time.monotonic()
    identify(path)
    assert time.monotonic() - began < 2


def _poke(path: Path, place: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(place)
        file.write(content)


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
