"""The packages of a tree, as the checks of tools/packaging see them."""

from __future__ import annotations

from package_tree import Package, packages_of

__all__ = ["Package", "packages_of"]
