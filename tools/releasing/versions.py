"""Versions of three numbers: the next one, and the line of a pyproject.toml that has it."""

from __future__ import annotations

import re
import tomllib
from typing import Literal, get_args

from releasing.errors import ReleaseError

Level = Literal["patch", "minor", "major"]
LEVELS: tuple[Level, ...] = get_args(Level)
VERSION_LINE = re.compile(r"""^(version\s*=\s*)(["'])(.+?)\2""", re.MULTILINE)


def numbers(version: str) -> tuple[int, int, int]:
    """The three numbers of a version, to compare with.

    Raises:
        ReleaseError: if it is not made of three numbers.
    """
    match = re.fullmatch(r"(\d+)\.(\d+)\.(\d+)", version)
    if match is None:
        raise ReleaseError(f"{version!r} is not a version of three numbers such as '0.2.0'")
    major, minor, patch = map(int, match.groups())
    return major, minor, patch


def next_version(released: str, level: Level) -> str:
    """The version that follows one that was released."""
    major, minor, patch = numbers(released)
    match level:
        case "patch":
            return f"{major}.{minor}.{patch + 1}"
        case "minor":
            return f"{major}.{minor + 1}.0"
        case "major":
            return f"{major + 1}.0.0"


def with_version(text: str, version: str) -> str:
    """A pyproject.toml with another static version, all else as it was.

    Raises:
        ReleaseError: if the version is not one line of its own in the table `project`.
    """
    changed = VERSION_LINE.sub(rf"\g<1>\g<2>{version}\g<2>", text, count=1)
    wanted = tomllib.loads(text)
    if "version" not in wanted.get("project", {}):
        raise ReleaseError("pyproject.toml has no static version in its table 'project'")
    wanted["project"]["version"] = version
    if tomllib.loads(changed) != wanted:
        raise ReleaseError("pyproject.toml has another line 'version = ...' before that of its table 'project'")
    return changed
