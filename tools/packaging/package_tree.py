"""What the packages of a tree say of themselves: `packages/*/pyproject.toml` and the modules under `src`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

__all__ = ["ROOT", "Package", "packages_of", "part_of"]

ROOT = Path(__file__).parents[2]
"""The tree that these tools stand in."""

PREFIX = "maskreel-"


@dataclass(frozen=True)
class Package:
    """One part of the tree, or the ground floor `common`."""

    folder: Path

    @property
    def name(self) -> str:
        """The last word of its names: `vfp` for `maskreel-vfp` and `maskreel.vfp`."""
        return self.folder.name

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Its pyproject.toml."""
        return tomllib.loads((self.folder / "pyproject.toml").read_text())

    @property
    def version(self) -> str:
        return self.settings["project"]["version"]

    @property
    def namespace(self) -> Path:
        """The folder that all packages share a name of, and that therefore holds the leaf alone."""
        return self.folder / "src" / "maskreel"

    @property
    def dependencies(self) -> list[Requirement]:
        return [Requirement(line) for line in self.settings["project"].get("dependencies", [])]

    @property
    def extras(self) -> dict[str, list[Requirement]]:
        extras = self.settings["project"].get("optional-dependencies", {})
        return {name: [Requirement(line) for line in lines] for name, lines in extras.items()}

    @property
    def test_group(self) -> list[Requirement]:
        """What its tests need beside the package; empty where there is no such group."""
        return [Requirement(line) for line in self.settings.get("dependency-groups", {}).get("test", [])]

    @property
    def sources(self) -> list[Path]:
        return sorted((self.folder / "src").rglob("*.py"))

    def module(self, source: Path) -> str:
        """The dotted name of one of its sources."""
        words = source.relative_to(self.folder / "src").with_suffix("").parts
        return ".".join(words[:-1] if words[-1] == "__init__" else words)


def packages_of(root: Path = ROOT) -> list[Package]:
    """All packages of a tree, by name."""
    return [Package(path.parent) for path in sorted(root.glob("packages/*/pyproject.toml"))]


def part_of(requirement: Requirement) -> str | None:
    """The name of the package of this project that is required, or None if it is one of others."""
    name = canonicalize_name(requirement.name)
    return name.removeprefix(PREFIX) if name.startswith(PREFIX) else None
