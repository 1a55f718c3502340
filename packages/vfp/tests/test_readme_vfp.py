"""The README tells of every command, method and profile; tools/tests/test_documents.py runs what it shows."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import get_args

from maskreel.vfp import commands
from maskreel.vfp.commands.reproduce import PROFILES
from maskreel.vfp.config import Method

README = (Path(__file__).parent.parent / "README.md").read_text()


def shown() -> list[list[str]]:
    """The words of every `maskreel vfp` command, without `maskreel vfp`."""
    lines = [shlex.split(line, comments=True) for line in README.splitlines() if line.startswith("maskreel vfp ")]
    return [words[2:] for words in lines]


def test_every_command_is_shown() -> None:
    assert {words[0] for words in shown()} == set(commands.VERBS)


def test_every_method_and_profile_is_told_about() -> None:
    rows = set(re.findall(r"^\| `(\w+)`", README, flags=re.MULTILINE))
    assert set(get_args(Method)) | set(PROFILES) <= rows
