"""What the README shows works: its snippets run, its commands parse, its teachers and modes exist."""

from __future__ import annotations

import functools
import re
import shlex
from pathlib import Path
from typing import get_args

import pytest

from maskreel.inversion import cli, commands
from maskreel.inversion.config import Coherence
from maskreel.inversion.teachers import TEACHERS

README = (Path(__file__).parent.parent / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


def shown() -> list[list[str]]:
    """The words of every `maskreel inversion` command, without `maskreel inversion`."""
    lines = [shlex.split(line, comments=True) for block in blocks("sh") for line in block.splitlines()]
    return [words[2:] for words in lines if words[:2] == ["maskreel", "inversion"]]


@pytest.mark.parametrize("snippet", blocks("python"))
def test_snippets_run(snippet: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(snippet, "README.md", "exec"), {"__name__": "snippet"})
    assert capsys.readouterr().out


@pytest.mark.parametrize("words", shown(), ids=" ".join)
def test_commands_parse(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    called = []

    def recorded(verb: object) -> object:
        @functools.wraps(verb)  # pyright: ignore[reportArgumentType]
        def recorder(*_: object, **__: object) -> int:
            called.append(words[0])
            return 0

        return recorder

    run_with = commands.run_with
    monkeypatch.setattr(commands, "run_with", lambda preset: recorded(run_with(preset)))
    for name, verb in list(commands.VERBS.items()):
        monkeypatch.setitem(commands.VERBS, name, recorded(verb))
    assert cli.main(words, prog="maskreel inversion") == 0
    assert called == [words[0]]


def test_every_command_is_shown() -> None:
    assert {words[0] for words in shown()} == set(commands.VERBS)


def test_every_teacher_and_mode_is_told_about() -> None:
    told = set(re.findall(r"`([\w:-]+)`", README))
    assert set(TEACHERS) | set(get_args(Coherence)) <= told
