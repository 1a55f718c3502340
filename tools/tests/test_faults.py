"""The sessions of faults: a short one, and that they notice harm."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from faults import child as child_module
from faults.child import Ended, start
from faults.kill_at_random import main
from faults.parts import PARTS, Part
from faults.place import can_mount, disk, obey_permissions, scatter_times, set_writable, size_of
from faults.trials import HarmError, Session

TOOL = Path(__file__).parents[1] / "faults/kill_at_random.py"
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="sessions fork")


def session(*arguments: str) -> tuple[int, list[dict[str, object]], str]:
    run = subprocess.run(
        [sys.executable, str(TOOL), *arguments], check=False, capture_output=True, text=True, timeout=600
    )
    return run.returncode, [json.loads(line) for line in run.stdout.splitlines()], run.stderr


def test_a_short_session_of_all_faults() -> None:
    code, lines, errors = session("render", "--fault", "all", "--times", "1", "--seed", "1")
    assert code == 0, (lines, errors)
    assert [line["fault"] for line in lines] == [
        "none", "kill", "term", "interrupt", "full", "readonly", "clock", "twice"
    ]  # fmt: skip
    assert all(line["part"] == "render" for line in lines)
    assert lines[1]["stopped"] == 1
    assert all("HARM" not in line for line in lines)
    assert all(line.get("same result", 0) or "left out" in line for line in lines[1:])


def test_what_cannot_be_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, told in (
        (["nothing"], "invalid choice: 'nothing'"),
        (["render", "--times", "0"], "--times must be 1 or more, got 0"),
        (["render", "--keep", str(tmp_path)], "exists; name a new folder"),
    ):
        with pytest.raises(SystemExit, match="2"):
            main(arguments)
        assert told in capsys.readouterr().err


@pytest.fixture
def tried(tmp_path: Path) -> Session:
    """A part whose result is known."""
    made = Session(Part("", "*.txt", lambda folder: None), tmp_path, random.Random(0))
    made.expected = {"a.txt": b"whole"}
    made.output.mkdir()
    return made


def test_the_result_is_accepted(tried: Session) -> None:
    (tried.output / "a.txt").write_bytes(b"whole")
    tried.finished()
    assert tried.counts["same result"] == 1


@pytest.mark.parametrize(
    ("files", "harm"),
    [
        ({"a.txt": b"who"}, "a.txt is not what a run without fault gives"),
        ({}, r"missing: \['a.txt'\]"),
        ({"a.txt": b"whole", "b.txt": b""}, r"not expected: \['b.txt'\]"),
        ({"a.txt": b"whole", ".a.xyz.part.txt": b""}, "scratch files are left|not expected"),
        ({"a.txt": b"whole", ".lock": b""}, "scratch files are left"),
    ],
)
def test_harm_is_noticed(tried: Session, files: dict[str, bytes], harm: str) -> None:
    for name, content in files.items():
        (tried.output / name).write_bytes(content)
    with pytest.raises(HarmError, match=harm):
        tried.finished()


def test_scratch_may_be_half_written_until_the_end(tried: Session) -> None:
    for name in (".a.xyz.part.txt", ".a.part/b.txt"):
        path = tried.output / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"who")
    part = Part("", "*.txt */*.txt", lambda folder: None)
    assert part.found(tried.output) == {}
    (tried.output / "a").mkdir()
    (tried.output / "a/b.txt").write_bytes(b"whole")
    assert part.found(tried.output) == {"a/b.txt": b"whole"}


def test_a_half_written_file_is_noticed_before_the_end(tried: Session) -> None:
    tried.whole()
    (tried.output / "a.txt").write_bytes(b"who")
    with pytest.raises(HarmError, match="is not what a run without fault gives"):
        tried.whole()


@pytest.mark.parametrize(
    ("ended", "refused"),
    [
        (Ended(2, "maskreel: error: out: no space left on device\n"), True),
        (Ended(2, "Traceback ...\nmaskreel: error: x\n"), False),
        (Ended(1, "maskreel: error: x\n"), False),
        (Ended(2, "x\n"), False),
        (Ended(2, ""), False),
    ],
)
def test_what_counts_as_a_refusal(ended: Ended, refused: bool) -> None:
    assert ended.refused == refused


@pytest.fixture
def quick_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_module, "PATIENCE", 0.2)


@pytest.mark.usefixtures("quick_end")
def test_a_command_that_hangs_is_killed(tmp_path: Path) -> None:
    ended = start([], tmp_path / "log", first=lambda: time.sleep(60)).wait()
    assert ended.code == -signal.SIGKILL


def test_a_command_tells_and_ends(tmp_path: Path) -> None:
    ended = start(["nonsense"], tmp_path / "log").wait()
    assert ended.refused
    assert "has no part 'nonsense'" in ended.told


def test_ctrl_c_reaches_the_command_of_a_session_that_ignores_it(tmp_path: Path) -> None:
    ours = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as in the background of a shell
    try:
        child = start(["--version"], tmp_path / "log", first=lambda: time.sleep(20))
        child.ended_within(0.5)
        child.send(signal.SIGINT)
        told = child.wait().told
    finally:
        signal.signal(signal.SIGINT, ours)
    assert "KeyboardInterrupt" in told


def test_every_part_names_a_verb_and_results() -> None:
    for name, part in PARTS.items():
        words = part.words(Path("/in"), Path("/out"))
        assert any(word.startswith("/out/") for word in words), name
        assert not any(word.startswith(("IN/", "OUT/")) for word in words), name
        assert part.results, name


@pytest.mark.skipif(not can_mount(), reason="needs root")
def test_a_small_disk_is_full_and_gone_again(tmp_path: Path) -> None:
    try:
        with disk(tmp_path / "disk", 64), pytest.raises(OSError, match="No space left"):
            (tmp_path / "disk" / "much").write_bytes(bytes(1 << 20))
    except subprocess.CalledProcessError:
        pytest.skip("this container does not mount")
    assert list((tmp_path / "disk").iterdir()) == []


def test_rights_are_taken_and_given_back(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    set_writable(tmp_path / "out", False)

    def write() -> None:
        if os.geteuid() == 0:
            obey_permissions()
        (tmp_path / "out" / "file").touch()

    refused = start([], tmp_path / "log", first=write).wait()
    assert "PermissionError" in refused.told
    set_writable(tmp_path / "out", True)
    start(["--version"], tmp_path / "log", first=write).wait()
    assert (tmp_path / "out" / "file").exists()


def test_times_are_scattered_over_a_century(tmp_path: Path) -> None:
    for number in range(20):
        (tmp_path / str(number)).write_bytes(bytes(5000))
    scatter_times(tmp_path, random.Random(0))
    times = [path.stat().st_mtime for path in tmp_path.iterdir()]
    assert min(times) < time.time() < max(times)
    assert size_of(tmp_path) == 20 * 8
    shutil.rmtree(tmp_path)
