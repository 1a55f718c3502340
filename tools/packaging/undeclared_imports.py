"""A package imports what it declares, and the library of an extra only inside functions."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from import_scan import imported_names
from package_tree import Package, part_of
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from packaging.requirements import Requirement

__all__ = ["import_faults"]

DISTRIBUTIONS = {
    "PIL": "pillow",
    "cv2": "opencv-python-headless",
    "skimage": "scikit-image",
    "mmcv": "mmcv-lite",
    "mmengine": "mmengine-lite",
    "mmseg": "mmsegmentation",
}
"""Libraries whose distribution has another name than the module."""

NOT_ON_PYPI = {"detectron2"}
"""Optional, and nothing that a package could declare: its users build it themselves."""


def import_faults(package: Package) -> list[str]:
    """Say which imports of a package, its tests and its examples are not declared, or come too early."""
    everything = _names([*package.dependencies, *_optional(package)])
    tested = _names(package.dependencies) | _names(package.test_group) | _brought_by(package)
    nowhere = "declares it neither as a dependency nor in an extra"
    tests = sorted((package.folder / "tests").rglob("*.py"))
    return [
        *_undeclared(package, package.sources, everything, nowhere),
        *_undeclared(package, sorted((package.folder / "examples").glob("*.py")), everything, nowhere),
        *_undeclared(
            package,
            tests,
            tested,
            "has it neither among its dependencies nor in its dependency group test",
            for_types=False,
        ),
        *_early(package),
    ]


def _optional(package: Package) -> list[Requirement]:
    return [line for lines in package.extras.values() for line in lines]


def _undeclared(
    package: Package, paths: list[Path], declared: set[str], fault: str, *, for_types: bool = True
) -> list[str]:
    """One sentence for each library, naming the first file that imports it."""
    beside: dict[Path, set[str]] = {}
    for path in paths:
        beside.setdefault(path.parent, set()).add(path.stem)
    first: dict[str, Path] = {}
    for path in paths:
        names = imported_names(path, in_functions=True, for_types=for_types)
        for name in _distributions(package, names, beside[path.parent]) - declared:
            first.setdefault(name, path.relative_to(package.folder.parent))
    return [f"{path} imports {name}, but {package.name} {fault}" for name, path in sorted(first.items())]


def _early(package: Package) -> list[str]:
    """Libraries of extras that come with importing a module that is public, or that others import as they begin.

    A private module may import them as a whole if only functions, or other such modules, import it.
    """
    optional = _names(_optional(package)) - _names(package.dependencies)
    begins = {path: imported_names(path, in_functions=False) for path in package.sources}
    bound = {path: early for path in begins if (early := _distributions(package, begins[path], set()) & optional)}
    faults = [
        f"{path.relative_to(package.folder.parent)} imports {', '.join(sorted(names))} as it begins; import that of an "
        "extra inside the function that needs it"
        for path, names in bound.items()
        if not path.name.startswith("_") or path.name == "__init__.py"
    ]
    modules = {package.module(path): path for path in bound}
    for path in [path for path in begins if path not in bound]:
        for name in sorted(begins[path]):
            found = modules.get(name) or modules.get(name.rpartition(".")[0])
            if found is not None:
                faults.append(
                    f"{path.relative_to(package.folder.parent)} imports {package.module(found)} as it begins, and so "
                    f"{', '.join(sorted(bound[found]))} of an extra; import it inside the function that needs it"
                )
    return faults


def _distributions(package: Package, names: Iterable[str], beside: set[str]) -> set[str]:
    """Distributions that hold what is imported, other than the package itself, Python and files beside the importer."""
    found = set()
    for name in names:
        top, *rest = name.split(".")
        if top in sys.stdlib_module_names | NOT_ON_PYPI | beside or name.startswith(f"maskreel.{package.name}"):
            continue
        if top != "maskreel":
            found.add(canonicalize_name(DISTRIBUTIONS.get(top, top)))
        elif rest and rest[0] != package.name:
            found.add(f"maskreel-{rest[0]}")
    return found


def _names(requirements: Iterable[Requirement]) -> set[str]:
    return {canonicalize_name(requirement.name) for requirement in requirements}


def _brought_by(package: Package) -> set[str]:
    """What the extras bring that the test group asks for, of the package itself and of its siblings."""
    found: set[str] = set()
    asked = [(part_of(line), extra) for line in (*package.dependencies, *package.test_group) for extra in line.extras]
    seen = set()
    while asked:
        part, extra = asked.pop()
        if part is None or (part, extra) in seen:
            continue
        seen.add((part, extra))
        lines = Package(package.folder.parent / part).extras.get(extra, [])
        found |= _names(lines)
        asked += [(part_of(line), inner) for line in lines for inner in line.extras]
    return found
