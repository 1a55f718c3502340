"""The rules of the house, read off the sources of the tree: one namespace, parts that know `common` and nobody else."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PACKAGES = Path(__file__).parents[2]
PARTS = sorted(path.parent.name for path in PACKAGES.glob("*/pyproject.toml"))

if not (PACKAGES.parent / "noxfile.py").exists():
    pytest.skip("the packages' sources are not beside this one", allow_module_level=True)

DISTRIBUTION = {
    "PIL": "pillow",
    "cv2": "opencv-python-headless",
    "skimage": "scikit-image",
    "mmcv": "mmcv-lite",
    "mmengine": "mmengine-lite",
    "mmseg": "mmsegmentation",
}

NOT_ON_PYPI = {"detectron2"}
"""Optional, and nothing that a package could declare: its users build it themselves."""


def project(part: str) -> dict:
    return tomllib.loads((PACKAGES / part / "pyproject.toml").read_text())["project"]


def requirement_name(requirement: str) -> str:
    return re.split(r"[\s\[<>=!~;(]", requirement, maxsplit=1)[0]


def sources(part: str) -> list[Path]:
    return sorted((PACKAGES / part / "src").rglob("*.py"))


def imports(body: Iterable[ast.AST], *, in_functions: bool) -> Iterator[str]:
    """Dotted names of what is imported: by importing the module alone, or by its functions and type checking too."""
    for node in body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import in line {node.lineno}"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif in_functions or not is_deferred(node):
            yield from imports(ast.iter_child_nodes(node), in_functions=in_functions)


def is_deferred(node: ast.AST) -> bool:
    if isinstance(node, ast.If):
        return "TYPE_CHECKING" in ast.unparse(node.test)
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)


def imported(part: str, *, in_functions: bool = True) -> dict[str, set[Path]]:
    """What the sources of a part import, each with the files that do."""
    found: dict[str, set[Path]] = {}
    for path in sources(part):
        for name in imports(ast.parse(path.read_text()).body, in_functions=in_functions):
            found.setdefault(name, set()).add(path.relative_to(PACKAGES))
    return found


def undeclared(part: str, declared: set[str], *, in_functions: bool) -> dict[str, set[Path]]:
    """Imported distributions that are neither the part's own, nor of the standard library, nor among `declared`."""
    found: dict[str, set[Path]] = {}
    for name, paths in imported(part, in_functions=in_functions).items():
        top, *rest = name.split(".")
        if top in sys.stdlib_module_names | NOT_ON_PYPI or name.startswith(f"maskreel.{part}"):
            continue
        distribution = f"maskreel-{rest[0]}" if top == "maskreel" and rest else DISTRIBUTION.get(top, top)
        if distribution not in declared:
            found.setdefault(distribution, set()).update(paths)
    return found


def test_the_tree_has_all_five_parts() -> None:
    assert {"common", "inversion", "vfp", "animate", "inpaint"} <= set(PARTS)


@pytest.mark.parametrize("part", PARTS)
def test_the_namespace_belongs_to_nobody(part: str) -> None:
    beside = {path.name for path in (PACKAGES / part / "src/maskreel").iterdir()} - {"__pycache__"}
    assert beside == {part}, "src/maskreel holds the leaf alone: an __init__.py there hides every other part"
    assert (PACKAGES / part / "src/maskreel" / part / "py.typed").exists()


@pytest.mark.parametrize("part", PARTS)
def test_the_leaf_lists_its_public_names(part: str) -> None:
    leaf = ast.parse((PACKAGES / part / "src/maskreel" / part / "__init__.py").read_text())
    targets = [
        node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
        for node in leaf.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
    ]
    assert "__all__" in [target.id for target in targets if isinstance(target, ast.Name)]


@pytest.mark.parametrize("part", [part for part in PARTS if part != "common"])
def test_parts_ask_for_a_range_of_common(part: str) -> None:
    wanted = [line for line in project(part)["dependencies"] if requirement_name(line) == "maskreel-common"]
    assert len(wanted) == 1
    assert re.fullmatch(r"maskreel-common(\[[\w,-]+\])?>=[\d.]+,<[\d.]+", wanted[0])


@pytest.mark.parametrize("part", PARTS)
def test_no_part_knows_another(part: str) -> None:
    others = {f"maskreel.{other}" for other in PARTS if other not in (part, "common")}
    strangers = {name: paths for name, paths in imported(part).items() if ".".join(name.split(".")[:2]) in others}
    assert not strangers


@pytest.mark.parametrize("part", PARTS)
def test_every_import_is_declared(part: str) -> None:
    extras = project(part).get("optional-dependencies", {}).values()
    lines = [*project(part)["dependencies"], *(line for extra in extras for line in extra)]
    assert not undeclared(part, {requirement_name(line) for line in lines}, in_functions=True)


@pytest.mark.parametrize("part", PARTS)
def test_extras_are_imported_only_where_they_are_needed(part: str) -> None:
    """By functions; or by private modules as a whole that only functions, or other such modules, import."""
    found = undeclared(part, {requirement_name(line) for line in project(part)["dependencies"]}, in_functions=False)
    bound = {path for paths in found.values() for path in paths}
    assert all(path.name.startswith("_") and path.name != "__init__.py" for path in bound), found
    modules = {".".join(path.with_suffix("").parts[2:]) for path in bound}
    importers = {
        path
        for name, paths in imported(part, in_functions=False).items()
        if name in modules or name.rpartition(".")[0] in modules
        for path in paths
    }
    assert importers <= bound


@pytest.mark.parametrize("part", PARTS)
def test_the_changelog_begins_with_the_version(part: str) -> None:
    newest = re.search(r"^## \[(.+?)\]", (PACKAGES / part / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest is not None
    assert newest[1] == project(part)["version"]


def test_the_scan_tells_deferred_imports_from_direct_ones() -> None:
    code = """
import torch.nn
from maskreel.common import masks
try:
    import av
except ImportError:
    av = None
if TYPE_CHECKING:
    import cv2
def later():
    from PIL import Image
"""
    body = ast.parse(code).body
    assert list(imports(body, in_functions=False)) == ["torch.nn", "maskreel.common.masks", "av"]
    assert set(imports(body, in_functions=True)) - set(imports(body, in_functions=False)) == {"cv2", "PIL.Image"}
