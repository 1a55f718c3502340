"""Release one package, on this machine alone: `nox -s release -- PACKAGE patch|minor|major [--dry-run]`.

Counts on from the last version that the package's CHANGELOG.md gives a date, writes the new one into pyproject.toml,
dates the changelog, builds the wheel and the source archive, looks into both, installs the wheel where nothing else is
and uses it; then commits and tags. All that happens in a second working tree, so an error leaves this one as it was.
Nothing is pushed: the last lines say what to push.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from releasing import artifacts
from releasing.changelog import last_released, waiting, with_release
from releasing.errors import ReleaseError
from releasing.ground_floor import check_ranges, released_common
from releasing.repository import check_ready, commit, second_tree, tag_and_advance, tags
from releasing.tags import tag_of
from releasing.tree import Package, packages_of
from releasing.versions import LEVELS, Level, next_version, numbers, with_version

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Step = Callable[[Path, str, Path], None]

ROOT = Path(__file__).parents[1]
STEPS: tuple[tuple[str, Step], ...] = (
    ("Building wheel and source archive", artifacts.build),
    ("Looking into them", artifacts.inspect),
    ("Asking twine", artifacts.check_page),
    ("Installing the wheel in an empty environment; PyTorch makes this long", artifacts.try_out),
)
"""What must succeed before a commit, each called with the tree, the package and the folder of what is built."""


def version_to_release(tree: Path, package: str, level: Level) -> str:
    """The version that a release of this level gets.

    Raises:
        ReleaseError: if nothing waits to be released, the tree declares a higher version, or the tag is there already.
    """
    text = (tree / "packages" / package / "CHANGELOG.md").read_text("utf-8")
    version = next_version(last_released(text), level)
    waiting(text, version)
    declared = Package(tree / "packages" / package).version
    if numbers(version) < numbers(declared):
        raise ReleaseError(f"a {level} release would be {version}, but pyproject.toml has {declared} already")
    if tag_of(package, version) in tags(tree, package):
        raise ReleaseError(f"the tag {tag_of(package, version)} is there already")
    return version


def write_version(tree: Path, package: str, version: str, day: date) -> None:
    """Write the version into pyproject.toml, and version and date into CHANGELOG.md."""
    project, changelog = (tree / "packages" / package / name for name in ("pyproject.toml", "CHANGELOG.md"))
    project.write_text(with_version(project.read_text("utf-8"), version), "utf-8")
    changelog.write_text(with_release(changelog.read_text("utf-8"), version, day), "utf-8")


def release(
    tree: Path,
    package: str,
    level: Level,
    *,
    day: date,
    branch: str = "main",
    dry_run: bool = False,
    steps: Sequence[tuple[str, Step]] = STEPS,
) -> str:
    """Release one package of a tree, or see whether that would succeed.

    Returns:
        The tag.

    Raises:
        ReleaseError: saying why there is no release; then the tree is as it was.
    """
    there = [other.name for other in packages_of(tree)]
    if package not in there:
        raise ReleaseError(f"there is no package {package!r}, only {', '.join(there)}")
    check_ready(tree, branch)
    version = version_to_release(tree, package, level)
    if package != "common":
        released_common(tree, package)
    tag, title = tag_of(package, version), f"maskreel-{package} {version}"
    changes = waiting((tree / "packages" / package / "CHANGELOG.md").read_text("utf-8"), version).body
    with second_tree(tree) as place, tempfile.TemporaryDirectory(prefix="maskreel-dist-") as name:
        write_version(place, package, version, day)
        check_ranges(place)
        for what, step in steps:
            print(f"{title}: {what} ...", flush=True)
            step(place, package, Path(name))
        if not dry_run:
            revision = commit(place, title)
            tag_and_advance(tree, revision, tag, f"{title}\n\n{changes}\n")
            keep(Path(name), tree / "dist")
    return tag


def keep(built: Path, folder: Path) -> None:
    """Copy what was built to where `nox -s build` puts it."""
    folder.mkdir(exist_ok=True)
    for path in built.glob("maskreel_*"):
        shutil.copy2(path, folder)


def main(words: Sequence[str] | None = None, tree: Path = ROOT) -> int:
    """The command; its exit code."""
    parser = argparse.ArgumentParser(
        prog="release", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("package", help="its name without the prefix, such as inpaint")
    parser.add_argument("level", choices=LEVELS, help="which number grows; before 1.0 a minor release may break things")
    parser.add_argument("--dry-run", action="store_true", help="do all but commit and tag")
    parser.add_argument("--branch", default="main", help="the branch to release from (default: main)")
    options = parser.parse_args(words)
    day = datetime.now(UTC).date()
    try:
        tag = release(tree, options.package, options.level, day=day, branch=options.branch, dry_run=options.dry_run)
    except ReleaseError as error:
        print(f"No release: {error}", file=sys.stderr)
        return 2
    if options.dry_run:
        print(f"{tag} can be released. Nothing was changed.")
    else:
        print(f"Released {tag}; what was built lies in dist/. To publish it:\n  git push origin {options.branch} {tag}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
