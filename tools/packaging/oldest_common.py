"""The tag of the oldest release of `common` that a part says it works with: `python oldest_common.py vfp`.

Prints nothing where no release of `common` lies in the range.
"""

from __future__ import annotations

import argparse
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from package_tree import ROOT, Package, part_of
from packaging.version import Version

if TYPE_CHECKING:
    from collections.abc import Iterable

    from packaging.specifiers import SpecifierSet

__all__ = ["asked_range", "oldest_tag"]


def asked_range(package: Package) -> SpecifierSet:
    """The versions of `common` that a part takes."""
    return next(line.specifier for line in package.dependencies if part_of(line) == "common")


def oldest_tag(tags: Iterable[str], asked: SpecifierSet) -> str | None:
    """The tag of the lowest released version in a range."""
    versions = {Version(tag.removeprefix("common-v")): tag for tag in tags if re.fullmatch(r"common-v\d+(\.\d+)*", tag)}
    fitting = sorted(version for version in versions if version in asked)
    return versions[fitting[0]] if fitting else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package")
    parser.add_argument("--root", type=Path, default=ROOT, help="the repository")
    arguments = parser.parse_args()
    package = Package(arguments.root / "packages" / arguments.package)
    if arguments.package == "common" or not package.folder.is_dir():
        parser.error(f"{arguments.package} is not a part that needs common")
    tags = subprocess.run(
        ["git", "-C", str(arguments.root), "tag", "--list", "common-v*"], check=True, capture_output=True, text=True
    ).stdout.split()
    print(oldest_tag(tags, asked_range(package)) or "")


if __name__ == "__main__":
    main()
