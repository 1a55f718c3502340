"""A package's CHANGELOG.md: what was released last, what waits to be released, and the date it gets.

Headings of the second level are versions: `## [0.2.0] - 2026-11-30` is released; `## [Unreleased]` and
`## [0.3.0] - Unreleased` are not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from releasing.errors import ReleaseError

HEADING = re.compile(r"^## \[([^\]]+)\](?: - (.+))?$", re.MULTILINE)
UNRELEASED = "Unreleased"
NEVER = "0.0.0"
"""What the first release counts from."""


@dataclass(frozen=True)
class Section:
    """What stands under one heading."""

    version: str
    """As the heading has it, also `Unreleased`."""
    day: str
    """Of its release (ISO 8601), or `Unreleased`."""
    heading: str
    body: str

    @property
    def released(self) -> bool:
        return self.day != UNRELEASED

    @property
    def empty(self) -> bool:
        """Whether nothing but further headings stands here."""
        return all(not line.strip() or line.startswith("#") for line in self.body.splitlines())


def sections(text: str) -> list[Section]:
    """The sections of a changelog, newest first.

    Raises:
        ReleaseError: if a date is none.
    """
    matches = list(HEADING.finditer(text))
    ends = [*(match.start() for match in matches[1:]), len(text)]
    return [
        Section(match[1], _day(match), match[0], text[match.end() : end].strip())
        for match, end in zip(matches, ends, strict=False)
    ]


def _day(heading: re.Match[str]) -> str:
    if heading[1] == UNRELEASED:
        return UNRELEASED
    day = heading[2] or ""
    if day != UNRELEASED:
        try:
            date.fromisoformat(day)
        except ValueError:
            raise ReleaseError(
                f"CHANGELOG.md has the heading {heading[0]!r}, which ends neither with a date nor with {UNRELEASED!r}"
            ) from None
    return day


def last_released(text: str) -> str:
    """The newest version with a date, or 0.0.0."""
    return next((section.version for section in sections(text) if section.released), NEVER)


def waiting(text: str, version: str) -> Section:
    """The section that `version` would release.

    Raises:
        ReleaseError: if there is none, if it says nothing, or if another unreleased one stands below it.
    """
    newest, *older = sections(text) or [Section("", "", "no section", "")]
    if newest.released:
        wanted = f"'## [Unreleased]' and what changes with {version}"
        raise ReleaseError(f"CHANGELOG.md should begin with {wanted}, but begins with {newest.heading}")
    if newest.empty:
        raise ReleaseError(f"CHANGELOG.md says nothing under {newest.heading!r}; write what changed")
    if second := next((section.heading for section in older if not section.released), None):
        raise ReleaseError(f"CHANGELOG.md has two unreleased sections; move up what stands under {second!r}")
    return newest


def with_release(text: str, version: str, day: date) -> str:
    """The changelog with the waiting section given this version and date."""
    heading = waiting(text, version).heading
    return text.replace(heading, f"## [{version}] - {day.isoformat()}", 1)
