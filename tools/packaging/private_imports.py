"""A part imports of `common` only what is public there: modules and names without a leading underscore."""

from __future__ import annotations

from typing import TYPE_CHECKING

from import_scan import imported_names

if TYPE_CHECKING:
    from package_tree import Package

__all__ = ["private_import_faults"]


def private_import_faults(package: Package) -> list[str]:
    """Say which sources of a package import what another package of the tree keeps to itself."""
    return [
        f"{path.relative_to(package.folder.parent)} imports {name}, which is private; make public there what is needed"
        for path in package.sources
        for name in sorted(imported_names(path, in_functions=True))
        if name.startswith("maskreel.") and name.split(".")[1] != package.name and _is_private(name)
    ]


def _is_private(name: str) -> bool:
    return any(word.startswith("_") and not word.startswith("__") for word in name.split("."))
