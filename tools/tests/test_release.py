"""Releases of made-up packages in made-up repositories: what is refused or committed, and errors without a trace."""

from __future__ import annotations

import functools
import importlib.util
import shutil
import subprocess
from datetime import date
from typing import TYPE_CHECKING

import pytest
import release
from releasing import artifacts
from releasing.errors import ReleaseError
from smoke_install import smoke_install

if TYPE_CHECKING:
    from pathlib import Path

DAY = date(2026, 11, 30)
PYPROJECT = """
[build-system]
requires = ["hatchling>=1.26"]
build-backend = "hatchling.build"

[project]
name = "maskreel-{name}"
version = "{version}" # and a comment
description = "Made up"
readme = "README.md"
requires-python = ">=3.11"
license = "Apache-2.0"
license-files = ["LICENSE"]
dependencies = [{dependencies}]
{scripts}
[tool.hatch.build.targets.sdist.force-include]
"../../conftest.py" = "conftest.py"

[tool.hatch.build.targets.wheel]
packages = ["src/maskreel"]
"""
SCRIPTS = {
    "common": '[project.scripts]\nmaskreel = "maskreel.common:main"\n',
    "vfp": '[project.entry-points."maskreel.commands"]\nvfp = "maskreel.vfp:main"\n',
}
COMMON = """
import sys
from importlib.metadata import entry_points


def main():
    parts = entry_points(group="maskreel.commands")
    if sys.argv[1] != "--help":
        parts[sys.argv[1]].load()()
    print("parts:", *parts.names)
"""
CHANGELOG = """# Changelog

## [0.1.0] - Unreleased

### Added

- A first thing.
"""
LIMITS = """
[weights]
[wheels]
common = 20_000
vfp = 20_000
[archives]
common = 20_000
vfp = 20_000
"""


def git(tree: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=tree, check=True, capture_output=True, text=True).stdout.strip()


def commit_all(tree: Path) -> None:
    git(tree, "add", "--all")
    git(tree, "commit", "--quiet", "--message", "a change")


def write_package(tree: Path, name: str, code: str, dependencies: str = "") -> None:
    folder = tree / "packages" / name
    leaf = folder / "src/maskreel" / name
    leaf.mkdir(parents=True)
    (leaf / "__init__.py").write_text(code)
    (leaf / "py.typed").touch()
    (folder / "tests").mkdir()
    (folder / f"tests/test_{name}.py").touch()
    (folder / "README.md").write_text(f"# {name}\n")
    (folder / "LICENSE").write_text("Do as you like.\n")
    (folder / "CHANGELOG.md").write_text(CHANGELOG)
    text = PYPROJECT.format(name=name, version="0.1.0", dependencies=dependencies, scripts=SCRIPTS[name])
    (folder / "pyproject.toml").write_text(text)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A repository of two packages of which nothing was released."""
    tree = tmp_path / "tree"
    write_package(tree, "common", COMMON)
    write_package(tree, "vfp", "import maskreel.common\n\ndef main(): ...\n", '"maskreel-common>=0.1,<0.2"')
    (tree / "tools").mkdir()
    (tree / "tools/artifact_limits.toml").write_text(LIMITS)
    (tree / "conftest.py").touch()
    (tree / ".gitignore").write_text("/dist/\n__pycache__/\n")
    git(tree, "init", "--quiet", "--initial-branch=main")
    for key, value in (("user.name", "A"), ("user.email", "a@b.c"), ("commit.gpgsign", "false")):
        git(tree, "config", key, value)
    commit_all(tree)
    return tree


def pretended_build(tree: Path, package: str, out: Path) -> None:
    (out / f"maskreel_{package}-of-{git(tree, 'rev-parse', 'HEAD')[:7]}.whl").write_text("a wheel")


PRETENDED = [("Pretending to build", pretended_build)]


def run(tree: Path, package: str, level: release.Level, **options: object) -> str:
    return release.release(tree, package, level, day=DAY, **({"steps": PRETENDED} | options))  # type: ignore[arg-type]


def edit(tree: Path, package: str, name: str, old: str, new: str) -> None:
    path = tree / "packages" / package / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    commit_all(tree)


def state(tree: Path) -> tuple[object, ...]:
    """All that a release might change."""
    files = {path: path.read_bytes() for path in tree.rglob("*") if path.is_file() and ".git" not in path.parts}
    return files, git(tree, "for-each-ref"), git(tree, "status", "--porcelain"), git(tree, "worktree", "list")


def test_a_release_writes_two_lines_commits_tags_and_keeps_what_was_built(tree: Path) -> None:
    before = git(tree, "rev-parse", "HEAD")
    assert run(tree, "common", "minor") == "common-v0.1.0"
    assert git(tree, "log", "-1", "--format=%s") == "maskreel-common 0.1.0"
    assert git(tree, "rev-parse", "common-v0.1.0^{commit}", "main", "main~1").splitlines() == [
        git(tree, "rev-parse", "HEAD"),
        git(tree, "rev-parse", "HEAD"),
        before,
    ]
    assert git(tree, "diff", "--unified=0", "main~1", "main").splitlines()[-2:] == [
        "-## [0.1.0] - Unreleased",
        "+## [0.1.0] - 2026-11-30",
    ]
    assert git(tree, "tag", "--list", "--format=%(contents)", "common-v0.1.0").splitlines()[::2] == [
        "maskreel-common 0.1.0",
        "### Added",
        "- A first thing.",
    ]
    assert git(tree, "status", "--porcelain") == ""
    assert [path.read_text() for path in (tree / "dist").iterdir()] == ["a wheel"]
    assert git(tree, "worktree", "list").count("\n") == 0


def test_the_second_release_counts_on(tree: Path) -> None:
    run(tree, "common", "minor")
    edit(tree, "common", "CHANGELOG.md", "## [0.1.0]", "## [Unreleased]\n\n- More.\n\n## [0.1.0]")
    assert run(tree, "common", "patch") == "common-v0.1.1"
    text = (tree / "packages/common/pyproject.toml").read_text()
    assert text == PYPROJECT.format(name="common", version="0.1.1", dependencies="", scripts=SCRIPTS["common"])
    assert (
        "\n## [0.1.1] - 2026-11-30\n\n- More.\n\n## [0.1.0] - 2026-11-30\n"
        in (tree / "packages/common/CHANGELOG.md").read_text()
    )
    assert git(tree, "tag").split() == ["common-v0.1.0", "common-v0.1.1"]


def test_a_dry_run_does_every_step_and_changes_nothing(tree: Path) -> None:
    before, seen = state(tree), []
    steps = [("Looking", lambda place, package, out: seen.append((package, place != tree, out.is_dir())))]
    assert run(tree, "common", "minor", steps=steps, dry_run=True) == "common-v0.1.0"
    assert seen == [("common", True, True)]
    assert state(tree) == before


def no_step(tree: Path, package: str, out: Path) -> None:
    raise AssertionError("what is refused is not built")


def refused(tree: Path, package: str, level: release.Level, reason: str, **options: object) -> None:
    before = state(tree)
    with pytest.raises(ReleaseError, match=reason):
        run(tree, package, level, **({"steps": [("Nothing", no_step)]} | options))
    assert state(tree) == before


def test_a_dirty_tree_is_refused(tree: Path) -> None:
    (tree / "new.txt").touch()
    refused(tree, "common", "minor", r"not clean \(1 changes, such as '\?\? new.txt'\)")


def test_another_branch_is_refused(tree: Path) -> None:
    git(tree, "switch", "--quiet", "--create", "other")
    refused(tree, "common", "minor", "from the branch 'main', but this is 'other'")
    assert run(tree, "common", "minor", branch="other") == "common-v0.1.0"
    git(tree, "switch", "--quiet", "--detach")
    refused(tree, "common", "minor", "this is 'no branch'")


def test_an_unknown_package_is_refused(tree: Path) -> None:
    refused(tree, "vpf", "minor", "no package 'vpf', only common, vfp")


def test_a_changelog_without_a_word_for_the_version_is_refused(tree: Path) -> None:
    run(tree, "common", "minor")
    refused(tree, "common", "minor", r"begin with .* what changes with 0\.2\.0, but begins with ## \[0\.1\.0\] - 2026")


def test_a_changelog_that_says_nothing_is_refused(tree: Path) -> None:
    edit(tree, "common", "CHANGELOG.md", "- A first thing.", "")
    refused(tree, "common", "minor", r"says nothing under '## \[0\.1\.0\] - Unreleased'")


def test_a_version_below_that_of_pyproject_is_refused(tree: Path) -> None:
    refused(tree, "common", "patch", r"would be 0\.0\.1, but pyproject.toml has 0\.1\.0 already")


def test_a_tag_that_is_there_is_refused(tree: Path) -> None:
    git(tree, "tag", "common-v0.1.0")
    refused(tree, "common", "minor", "tag common-v0.1.0 is there already")


def test_a_part_that_would_be_left_behind_is_named(tree: Path) -> None:
    run(tree, "common", "minor")
    edit(tree, "common", "CHANGELOG.md", "## [0.1.0]", "## [Unreleased]\n\n- More.\n\n## [0.1.0]")
    refused(tree, "common", "minor", r"vfp asks for 'maskreel-common<0\.2,>=0\.1', which leaves out common 0\.2\.0")
    edit(tree, "vfp", "pyproject.toml", "<0.2", "<0.3")
    assert run(tree, "common", "minor") == "common-v0.2.0"


def test_a_part_whose_common_was_never_released_is_refused(tree: Path) -> None:
    refused(tree, "vfp", "minor", "maskreel-common<0.2,>=0.1, but none was released; release common first")
    run(tree, "common", "minor")
    assert run(tree, "vfp", "minor") == "vfp-v0.1.0"


@pytest.mark.parametrize("error", [ReleaseError("it does not build"), OSError("disk full"), KeyboardInterrupt()])
def test_an_error_half_way_leaves_the_tree_as_it_was(tree: Path, error: BaseException) -> None:
    def fail(place: Path, package: str, out: Path) -> None:
        (place / "packages/common/rubbish.txt").touch()
        raise error

    before = state(tree)
    with pytest.raises(type(error)):
        run(tree, "common", "minor", steps=[*PRETENDED, ("Failing", fail)])
    assert state(tree) == before


def test_a_commit_that_a_hook_refuses_leaves_the_tree_as_it_was(tree: Path) -> None:
    hook = tree / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho no >&2; exit 1\n")
    hook.chmod(0o755)
    refused(tree, "common", "minor", "git commit refused: no", steps=PRETENDED)


def test_a_tree_that_moved_on_meanwhile_loses_neither_its_commit_nor_gets_a_tag(tree: Path) -> None:
    def meanwhile(place: Path, package: str, out: Path) -> None:
        (tree / "news.txt").touch()
        commit_all(tree)

    with pytest.raises(ReleaseError, match="git merge refused"):
        run(tree, "common", "minor", steps=[("Waiting", meanwhile)])
    assert git(tree, "tag") == ""
    assert git(tree, "log", "-1", "--format=%s") == "a change"
    assert (tree / "news.txt").exists()
    assert git(tree, "status", "--porcelain") == ""


@pytest.fixture
def for_real(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, release.Step]]:
    """The steps of true releases; no network is asked for what builds them."""
    if shutil.which("uv") is None:
        pytest.skip("there is no uv")
    monkeypatch.setenv("UV_NO_BUILD_ISOLATION", "1")
    monkeypatch.setenv("UV_OFFLINE", "1")
    has_twine = importlib.util.find_spec("twine") is not None
    return [step for step in release.STEPS if has_twine or step[1] != artifacts.check_page]


@pytest.mark.skipif(importlib.util.find_spec("twine") is None, reason="needs twine")
def test_what_pypi_would_not_show_is_not_released(tree: Path, for_real: list[tuple[str, release.Step]]) -> None:
    edit(tree, "common", "pyproject.toml", 'readme = "README.md"', "")
    refused(tree, "common", "minor", "twine check failed", steps=for_real)


def test_two_packages_are_released_for_real(tree: Path, for_real: list[tuple[str, release.Step]]) -> None:
    run(tree, "common", "minor", steps=for_real)
    assert run(tree, "vfp", "minor", steps=for_real) == "vfp-v0.1.0"
    assert sorted(path.name for path in (tree / "dist").iterdir()) == [
        "maskreel_common-0.1.0-py3-none-any.whl",
        "maskreel_common-0.1.0.tar.gz",
        "maskreel_vfp-0.1.0-py3-none-any.whl",
        "maskreel_vfp-0.1.0.tar.gz",
    ]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (
            "import maskreel.common\n",
            "import colourful\n",
            "(?s)importing maskreel.vfp failed: .*named 'colourful'",
        ),
        ("def main(): ...", "def main(): raise SystemExit(3)", "'maskreel vfp --help' failed"),
        ("def main(): ...", "from maskreel.common import later\ndef main(): ...", "(?s)importing .* 'later'"),
    ],
    ids=["an import that is not declared", "a command that does not answer", "what common has only since its release"],
)
def test_a_wheel_that_does_not_work_is_not_released(
    tree: Path, for_real: list[tuple[str, release.Step]], old: str, new: str, reason: str
) -> None:
    run(tree, "common", "minor")
    (tree / "packages/common/src/maskreel/common/__init__.py").write_text(COMMON + "\nlater = 1\n")
    edit(tree, "vfp", "src/maskreel/vfp/__init__.py", old, new)
    refused(tree, "vfp", "minor", reason, steps=for_real)


def test_weights_that_nobody_declared_are_not_released(tree: Path, for_real: list[tuple[str, release.Step]]) -> None:
    (tree / "packages/common/src/maskreel/common/stray.safetensors").write_text("weights")
    commit_all(tree)
    refused(tree, "common", "minor", "holds maskreel/common/stray.safetensors", steps=for_real)


def test_what_does_not_build_is_not_released(tree: Path, for_real: list[tuple[str, release.Step]]) -> None:
    (tree / "packages/common/README.md").unlink()
    commit_all(tree)
    refused(tree, "common", "minor", "building common failed", steps=for_real)


def test_trying_out_needs_a_wheel_and_uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RuntimeError, match="holds 0 wheels of vfp, wanted one"):
        smoke_install(tmp_path, "vfp")
    (tmp_path / "maskreel_vfp-0.1.0-py3-none-any.whl").touch()
    monkeypatch.setenv("PATH", "")
    with pytest.raises(RuntimeError, match="there is no uv"):
        smoke_install(tmp_path, "vfp")


def test_the_command_says_what_to_push(
    tree: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(release, "release", functools.partial(release.release, steps=PRETENDED))
    assert release.main(["common", "minor", "--dry-run"], tree) == 0
    assert "common-v0.1.0 can be released. Nothing was changed." in capsys.readouterr().out
    assert release.main(["common", "minor"], tree) == 0
    assert "git push origin main common-v0.1.0" in capsys.readouterr().out
    assert release.main(["common", "minor"], tree) == 2
    assert capsys.readouterr().err.startswith("No release: CHANGELOG.md should begin with")


def test_the_command_refuses_other_levels(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        release.main(["common", "huge"])
    assert stop.value.code == 2
    assert "choose from" in capsys.readouterr().err
