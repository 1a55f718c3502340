"""What the README shows works: its snippets run, its commands parse, its methods and profiles exist."""

from __future__ import annotations

import functools
import re
import shlex
from pathlib import Path
from typing import get_args

import pytest

from maskreel.vfp import cli, commands
from maskreel.vfp.commands.reproduce import PROFILES
from maskreel.vfp.config import Method

README = (Path(__file__).parent.parent / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


def shown() -> list[list[str]]:
    """The words of every `maskreel vfp` command, without `maskreel vfp`."""
    lines = [shlex.split(line, comments=True) for block in blocks("sh") for line in block.splitlines()]
    return [words[2:] for words in lines if words[:2] == ["maskreel", "vfp"]]


@pytest.mark.parametrize("snippet", blocks("python"))
def test_snippets_run(snippet: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(snippet, "README.md", "exec"), {"__name__": "snippet"})
    assert capsys.readouterr().out


@pytest.mark.parametrize("words", shown(), ids=" ".join)
def test_commands_parse(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    verb, called = commands.VERBS[words[0]], []

    @functools.wraps(verb)
    def recorder(*_: object, **__: object) -> int:
        called.append(words[0])
        return 0

    monkeypatch.setitem(commands.VERBS, words[0], recorder)
    assert cli.main(words, prog="maskreel vfp") == 0
    assert called == [words[0]]


def test_every_command_is_shown() -> None:
    assert {words[0] for words in shown()} == set(commands.VERBS)


def test_every_method_and_profile_is_told_about() -> None:
    rows = set(re.findall(r"^\| `(\w+)`", README, flags=re.MULTILINE))
    assert set(get_args(Method)) | set(PROFILES) <= rows
