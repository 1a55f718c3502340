"""`maskreel` is a namespace without an owner: beside the leaf, `src/maskreel` holds nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from package_tree import Package

__all__ = ["namespace_faults"]


def namespace_faults(package: Package) -> list[str]:
    """Say what lies in the namespace that is nobody's, and what the leaf lacks."""
    shown = package.namespace.relative_to(package.folder.parent)
    beside = {path.name for path in package.namespace.iterdir()} - {"__pycache__", package.name}
    faults = [
        f"{shown}/{name} must not be there: it "
        + ("hides every other package of the namespace" if name == "__init__.py" else "belongs into the leaf")
        for name in sorted(beside)
    ]
    leaf = package.namespace / package.name
    missing = [name for name in ("__init__.py", "py.typed") if not (leaf / name).exists()]
    return faults + [f"{shown}/{package.name}/{name} is missing" for name in missing]
