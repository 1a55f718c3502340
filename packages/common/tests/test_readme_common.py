"""What the README of maskreel-common shows works: its snippets run, and its commands have the flags that they use."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from maskreel.common.cli import main

README = (Path(__file__).parent.parent / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("number", range(len(blocks("python"))))
def test_snippets_run(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(blocks("python")[number], "README.md", "exec"), {"__name__": "snippet"})


def test_commands_have_their_flags(capsys: pytest.CaptureFixture[str]) -> None:
    lines = [shlex.split(line, comments=True) for block in blocks("sh") for line in block.splitlines()]
    commands = [words[1:] for words in lines if words[:1] == ["maskreel"]]
    assert len(commands) > 5
    for words in commands:
        verb = words[:3] if words[1] == "render" else words[:2]
        with pytest.raises(SystemExit) as caught:
            main([*verb, "--help"])
        assert caught.value.code == 0
        known = capsys.readouterr().out
        for flag in [word for word in words if word.startswith("-")]:
            assert re.search(rf"(?<![\w-]){flag}(?![\w-])", known), f"{' '.join(verb)} has no {flag}"
