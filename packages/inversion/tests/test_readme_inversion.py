"""The README tells of every command, teacher and mode; tools/tests/test_documents.py runs what it shows."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import get_args

from maskreel.inversion import commands
from maskreel.inversion.config import Coherence
from maskreel.inversion.teachers import TEACHERS

README = (Path(__file__).parent.parent / "README.md").read_text()


def shown() -> list[list[str]]:
    """The words of every `maskreel inversion` command, without `maskreel inversion`."""
    lines = [shlex.split(line, comments=True) for line in README.splitlines() if line.startswith("maskreel inversion ")]
    return [words[2:] for words in lines]


def test_every_command_is_shown() -> None:
    assert {words[0] for words in shown()} == set(commands.VERBS)


def test_every_teacher_and_mode_is_told_about() -> None:
    told = set(re.findall(r"`([\w:-]+)`", README))
    assert set(TEACHERS) | set(get_args(Coherence)) <= told
