"""Ranges that tell the truth: a part asks for a range of `common` that holds today's, and knows no other part.

uv does not hold members of a workspace to the ranges that they ask of each other, so that nothing else tells.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from package_tree import Package, part_of
from packaging.version import Version

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packaging.requirements import Requirement

__all__ = ["range_faults"]


def range_faults(package: Package) -> list[str]:
    """Say what is wrong with what a package asks of its siblings, and which libraries it asks for in any version."""
    common = Package(package.folder.parent / "common")
    faults = [fault for line in package.dependencies for fault in _about_sibling(package, common, line, ranged=True)]
    optional = [*(line for lines in package.extras.values() for line in lines), *package.test_group]
    faults += [fault for line in optional for fault in _about_sibling(package, common, line, ranged=False)]
    asked = [part_of(line) for line in package.dependencies]
    if package.name != "common" and asked.count("common") != 1:
        faults.append(f"{package.name} must ask for maskreel-common once, not {asked.count('common')} times")
    declared = [*package.dependencies, *optional]
    return faults + [
        f"{package.name} asks for {line.name} in any version; say from which one on"
        for line in declared
        if part_of(line) is None and not _floors(line)
    ]


def _about_sibling(package: Package, common: Package, line: Requirement, *, ranged: bool) -> Iterator[str]:
    """Extras and test groups may name `common` without a range, for the range of the dependencies holds there too."""
    part = part_of(line)
    if part is None or (part == package.name and not ranged):
        return
    if part != "common" or package.name == "common":
        yield f"{package.name} asks for '{line}', but a part knows common and no other part, and common knows none"
        return
    operators = {clause.operator for clause in line.specifier}
    if not operators and not ranged:
        return
    if operators != {">=", "<"}:
        yield f"{package.name} asks for '{line}', expected a range such as maskreel-common>=0.1,<0.2"
    elif Version(common.version) not in line.specifier:
        yield f"{package.name} asks for '{line}', which leaves out common {common.version} of this tree"


def _floors(line: Requirement) -> list[str]:
    return [clause.version for clause in line.specifier if clause.operator in (">=", "==", "~=")]
