"""Which modules a source file imports, read off its syntax tree: nothing is imported or run."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

__all__ = ["imported_names", "imports"]


def imported_names(path: Path, *, in_functions: bool, for_types: bool = True) -> set[str]:
    """Dotted names of what a file imports; see `imports`."""
    body = ast.parse(path.read_text(encoding="utf-8"), str(path)).body
    return set(imports(body, in_functions=in_functions, for_types=for_types))


def imports(body: Iterable[ast.AST], *, in_functions: bool, for_types: bool = True) -> Iterator[str]:
    """Dotted names of what is imported: by importing the module alone, or by its functions and for types, too.

    `pytest.importorskip` counts: a test that is skipped because its library is nowhere declared is no test.
    """
    for node in body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                raise ValueError(f"line {node.lineno} has a relative import; write the whole name")
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif _runs(node, in_functions=in_functions, for_types=for_types):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("importorskip"):
                yield from (str(word.value) for word in node.args if isinstance(word, ast.Constant))
            yield from imports(ast.iter_child_nodes(node), in_functions=in_functions, for_types=for_types)


def _runs(node: ast.AST, *, in_functions: bool, for_types: bool) -> bool:
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
        return in_functions and for_types
    return in_functions or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
