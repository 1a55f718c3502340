"""What a release reads and writes: changelogs, versions and tags."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from release_tag import tagged
from releasing.changelog import last_released, waiting, with_release
from releasing.errors import ReleaseError
from releasing.tags import read_tag, tag_of
from releasing.tree import packages_of
from releasing.versions import Level, next_version, numbers, with_version

ROOT = Path(__file__).parents[2]
TEXT = """# Changelog

## [Unreleased]

### Added

- Something.

## [0.2.0] - 2026-10-01

- Older.
"""


def test_the_waiting_section_gets_version_and_date() -> None:
    assert waiting(TEXT, "0.2.1").body == "### Added\n\n- Something."
    assert with_release(TEXT, "0.2.1", date(2026, 11, 30)) == TEXT.replace("[Unreleased]", "[0.2.1] - 2026-11-30")


def test_a_section_may_name_a_version_beforehand() -> None:
    text = TEXT.replace("## [Unreleased]", "## [0.2.1] - Unreleased")
    assert with_release(text, "0.3.0", date(2026, 11, 30)) == TEXT.replace("[Unreleased]", "[0.3.0] - 2026-11-30")


def test_the_last_release_is_the_newest_with_a_date() -> None:
    assert last_released(TEXT) == "0.2.0"
    assert last_released("## [0.1.0] - Unreleased\n") == "0.0.0"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("# Changelog\n", "begins with no section"),
        (TEXT.replace("## [Unreleased]", "## [0.2.1] - 2026-11-01"), r"begins with ## \[0\.2\.1\] - 2026-11-01"),
        (TEXT.replace("- Something.", ""), r"says nothing under '## \[Unreleased\]'"),
        (TEXT.replace("2026-10-01", "Unreleased"), r"two unreleased .* under '## \[0\.2\.0\] - Unreleased'"),
        (TEXT.replace("2026-10-01", "2026-13-01"), r"'## \[0\.2\.0\] - 2026-13-01', which ends neither with a date"),
        (TEXT.replace(" - 2026-10-01", ""), r"'## \[0\.2\.0\]', which ends neither"),
    ],
)
def test_changelogs_that_cannot_be_released(text: str, reason: str) -> None:
    with pytest.raises(ReleaseError, match=reason):
        waiting(text, "0.3.0")


@pytest.mark.parametrize(("level", "version"), [("patch", "0.9.11"), ("minor", "0.10.0"), ("major", "1.0.0")])
def test_each_level_counts_on(level: Level, version: str) -> None:
    assert next_version("0.9.10", level) == version


@pytest.mark.parametrize("version", ["0.1", "0.1.0rc1", "v0.1.0", "0.1.0\n"])
def test_versions_have_three_numbers(version: str) -> None:
    with pytest.raises(ReleaseError, match="not a version of three numbers"):
        numbers(version)


def test_only_the_version_changes() -> None:
    text = "[project]\nname = 'a'\nversion = '0.1.0' # static\nversions = 1\n"
    assert with_version(text, "0.2.0") == text.replace("0.1.0", "0.2.0")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[project]\ndynamic = ['version']\n", "no static version"),
        ("[tool.other]\nversion = '1'\n[project]\nversion = '0.1.0'\n", "another line 'version = ...' before"),
    ],
)
def test_a_version_that_is_not_a_line_of_project_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ReleaseError, match=reason):
        with_version(text, "0.2.0")


@pytest.mark.parametrize("package", ["animate", "common", "inpaint", "inversion", "vfp"])
def test_tags_name_every_package_of_the_tree(package: str) -> None:
    there = [other.name for other in packages_of(ROOT)]
    assert read_tag(tag_of(package, "0.12.3"), there) == (package, "0.12.3")


@pytest.mark.parametrize(
    ("tag", "reason"),
    [
        ("v0.2.0", "not the tag of a release"),
        ("vfp-0.2.0", "not the tag of a release"),
        ("vfp-v0.2", "not the tag of a release"),
        ("vfp-v0.02.0", "not the tag of a release"),
        ("vfp-v0.2.0rc1", "not the tag of a release"),
        ("vfp-v0.2.0\npackage=inpaint", "not the tag of a release"),
        ("vpf-v0.2.0", "names no package of this tree: there are inpaint, vfp"),
    ],
)
def test_other_tags_are_refused(tag: str, reason: str) -> None:
    with pytest.raises(ReleaseError, match=reason):
        read_tag(tag, ["vfp", "inpaint"])


@pytest.fixture
def released(tmp_path: Path) -> Path:
    """A tree of one package, as its tag has it."""
    folder = tmp_path / "packages/vfp"
    folder.mkdir(parents=True)
    (folder / "pyproject.toml").write_text("[project]\nversion = '0.2.0'\n")
    (folder / "CHANGELOG.md").write_text("## [0.2.0] - 2026-11-30\n\n- More.\n")
    return tmp_path


def test_a_tag_that_the_tree_bears_out(released: Path) -> None:
    assert tagged(released, "vfp-v0.2.0") == ("vfp", "0.2.0")


def test_a_tag_of_another_version_is_refused(released: Path) -> None:
    with pytest.raises(ReleaseError, match=r"says 0\.2\.1, but the pyproject.toml of vfp says 0\.2\.0"):
        tagged(released, "vfp-v0.2.1")


@pytest.mark.parametrize("text", ["", "## [0.2.0] - Unreleased\n", "## [0.1.0] - 2026-10-01\n", "## [Unreleased]\n"])
def test_a_tag_of_an_undated_changelog_is_refused(released: Path, text: str) -> None:
    (released / "packages/vfp/CHANGELOG.md").write_text(text)
    with pytest.raises(ReleaseError, match=r"does not begin with 0\.2\.0 and the date"):
        tagged(released, "vfp-v0.2.0")
