"""JSON that nests or counts without end, names that a terminal would obey, and links that lead out of a folder."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from maskreel.common.atomic import atomic_path
from maskreel.common.cli import main, progress
from maskreel.common.cli._outcome import exit_code
from maskreel.common.cli._plain import plain
from maskreel.common.errors import InputError
from maskreel.common.job_folder import locked
from maskreel.common.json_file import parse_json, read_json
from maskreel.common.world._table.file import read_scene

if TYPE_CHECKING:
    from pathlib import Path

EVIL = "a\n\x1b]0;owned\x07\x1b[31m\u202egnp\x9b2J.json"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[" * 100_000 + "]" * 100_000, "it is nested too deep"),
        ('{"a":' * 100_000, "it is nested too deep"),
        ('{"seed": ' + "9" * 5000 + "}", "integer string conversion"),
        ('{"seed": 1', "Expecting ',' delimiter"),
        (b"\xff\xfe\x00", "codec can't decode"),
        (b"", "Expecting value"),
    ],
)
def test_json_without_end(tmp_path: Path, text: str | bytes, fault: str) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    for read in (read_json, read_scene):
        with pytest.raises(InputError, match=rf"a\.json cannot be read as JSON: .*{fault}"):
            read(path)


def test_json_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.json does not exist"):
        read_json(tmp_path / "gone.json")
    assert parse_json(b'{"a": [1.5, null]}', source="x") == {"a": [1.5, None]}


def test_characters_that_a_terminal_obeys_are_written_out() -> None:
    assert plain(EVIL) == r"a\n\x1b]0;owned\x07\x1b[31m\u202egnp\x9b2J.json"
    assert plain("Straße 日本 é 🎬 a\u200db") == "Straße 日本 é 🎬 a\u200db"
    assert plain("a\nb\tc\r", keep="\n\t") == "a\nb\tc\\r"
    assert plain("\udcff") == r"\udcff"


def test_errors_are_one_line_whatever_a_file_is_called(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    def command() -> int | None:
        read_json(tmp_path / EVIL)
        return None

    assert exit_code(command) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "\x1b" not in told
    assert r"\x1b]0;owned" in told


def test_the_command_refuses_a_video_with_such_a_name(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / EVIL
    path.write_text("[" * 100_000)
    monkeypatch.chdir(tmp_path)
    assert main(["world", "stats", str(path)]) == 2
    told = capsys.readouterr().err
    assert "\x1b" not in told
    assert "Traceback" not in told


def test_messages_and_bars_keep_escapes_away(capsys: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger("maskreel.fuzz")
    from maskreel.common.cli._logging import set_up_logging

    set_up_logging(logging.INFO)
    logger.info("%s", EVIL)
    with progress(description=EVIL, total=2) as bar:
        bar.update(2)
    told = capsys.readouterr().err
    assert "\x1b" not in told
    assert "\x9b" not in told
    assert r"\x1b]0;owned\x07" in told


def test_files_are_replaced_not_written_through_links(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("mine")
    link = tmp_path / "link.json"
    link.symlink_to(outside)
    with atomic_path(link) as scratch:
        scratch.write_text("new")
    assert (outside.read_text(), link.read_text(), link.is_symlink()) == ("mine", "new", False)


def test_locks_do_not_follow_links(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("mine")
    (tmp_path / "job").mkdir()
    (tmp_path / "job" / ".lock").symlink_to(outside)
    with pytest.raises(OSError, match=r"\.lock"), locked(tmp_path / "job"):
        pass
    assert outside.read_text() == "mine"
