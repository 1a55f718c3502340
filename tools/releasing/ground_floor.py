"""What a release means for `maskreel-common` and those who stand on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from package_tree import Package, packages_of, part_of
from packaging.specifiers import SpecifierSet
from version_ranges import range_faults

from releasing.errors import ReleaseError
from releasing.repository import tags
from releasing.tags import read_tag
from releasing.versions import numbers

if TYPE_CHECKING:
    from pathlib import Path


def check_ranges(tree: Path) -> None:
    """Make sure that every part of a tree accepts the `maskreel-common` beside it.

    Raises:
        ReleaseError: naming the parts that do not.
    """
    if faults := [fault for package in packages_of(tree) for fault in range_faults(package)]:
        raise ReleaseError("; ".join(faults))


def released_common(tree: Path, package: str) -> str:
    """The newest released version of `maskreel-common` that a package accepts.

    Raises:
        ReleaseError: if there is none.
    """
    asked = [line.specifier for line in Package(tree / "packages" / package).dependencies if part_of(line) == "common"]
    wanted = SpecifierSet(",".join(map(str, asked)))
    versions = [read_tag(tag, ["common"])[1] for tag in tags(tree, "common")]
    fitting = sorted((version for version in versions if version in wanted), key=numbers)
    if not fitting:
        raise ReleaseError(f"{package} asks for maskreel-common{wanted}, but none was released; release common first")
    return fitting[-1]
