"""The lowest versions that a package declares: what to resolve, and whether it was what the tests ran with.

python tools/packaging/floors.py list vfp    # requirements for `uv pip compile --resolution lowest-direct`
python tools/packaging/floors.py check vfp   # in the environment: was each declared floor installed?

uv takes the lowest versions only of what is required directly, and of folders, not of wheels: hence folders, `common`
beside the part, and the check.
"""

from __future__ import annotations

import argparse
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from package_tree import ROOT, Package, packages_of, part_of
from packaging.specifiers import Specifier

if TYPE_CHECKING:
    from collections.abc import Callable

    from packaging.requirements import Requirement

__all__ = ["floor_faults", "requirements"]


def requirements(package: Package) -> list[str]:
    """The package with all its extras, and `common` with those of its extras that it asks for."""
    asked = [*package.dependencies, *(line for lines in package.extras.values() for line in lines)]
    of_common = {extra for line in asked if part_of(line) == "common" for extra in line.extras}
    lines = [f"-e {package.folder}{_brackets(set(package.extras))}"]
    if package.name != "common":
        lines.insert(0, f"-e {package.folder.parent / 'common'}{_brackets(of_common)}")
    return lines


def floor_faults(package: Package, installed: Callable[[str], str] = metadata.version) -> list[str]:
    """Say which declared lowest versions are not those that are installed, and so were not tried."""
    faults = []
    for line in [*package.dependencies, *(line for lines in package.extras.values() for line in lines)]:
        floor = _floor(line)
        if part_of(line) is not None or floor is None:
            continue
        try:
            version = installed(line.name)
        except metadata.PackageNotFoundError:
            faults.append(f"{package.name} asks for {line.name}, which is not installed here, so no version was tried")
            continue
        if not Specifier(f"=={floor}.*").contains(version, prereleases=True):
            faults.append(
                f"{package.name} asks for {line.name} from {floor} on, but the oldest that fits the rest is {version}; "
                "raise it"
            )
    return faults


def _floor(line: Requirement) -> str | None:
    """The version from which on; None for one exact version, which is what it says."""
    return next((clause.version for clause in line.specifier if clause.operator == ">="), None)


def _brackets(extras: set[str]) -> str:
    return f"[{','.join(sorted(extras))}]" if extras else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=["list", "check"])
    parser.add_argument("package")
    parser.add_argument("--root", type=Path, default=ROOT, help="the tree")
    arguments = parser.parse_args()
    there = {package.name: package for package in packages_of(arguments.root.resolve())}
    if arguments.package not in there:
        parser.error(f"{arguments.package} is no package of {arguments.root}, which has {', '.join(there) or 'none'}")
    package = there[arguments.package]
    if arguments.task == "list":
        print("\n".join(requirements(package)))
        return
    if faults := floor_faults(package):
        sys.exit("\n".join(faults))
    print(f"{package.name}: every declared lowest version is the one installed.")


if __name__ == "__main__":
    main()
