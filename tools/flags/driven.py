"""Where tests drive an option: on the command line, or by keyword or place in what the command is made from."""

from __future__ import annotations

import ast
import dataclasses
import functools
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from flags.options import Option

__all__ = ["Tests", "drivers", "read_tests"]

_FILLS_IN = ("dict", "replace")
"""They take keywords on behalf of a dataclass or function that the file names elsewhere."""


@dataclass
class Tests:
    """What one file of tests says."""

    path: Path
    words: set[str] = field(default_factory=set)
    """All words of all its strings but docstrings; of `--flag=value` the flag, too."""
    names: set[str] = field(default_factory=set)
    """All names and attributes of its code."""
    keywords: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Of each keyword, what is called with it; the keys of literal dictionaries, too."""
    positional: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """The most arguments without keyword that a function is called with."""
    imported: set[str] = field(default_factory=set)
    """Names that it has from elsewhere."""
    passing_on: set[str] = field(default_factory=set)
    """Its own functions that take any keyword (**name) and pass it on."""


def read_tests(paths: Iterable[Path]) -> list[Tests]:
    """Look through files of tests, each with the fixtures of its folder."""
    return [_with_fixtures(path) for path in paths]


def _with_fixtures(path: Path) -> Tests:
    shared = path.with_name("conftest.py")
    if not shared.exists():
        return _read(path)
    own, theirs = _read(path), _read(shared)
    return dataclasses.replace(own, names=own.names | theirs.names, passing_on=own.passing_on | theirs.passing_on)


@functools.cache
def _read(path: Path) -> Tests:
    tests = Tests(path)
    tree = ast.parse(path.read_text())
    told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in _without_refusals(tree):
        match node:
            case ast.Constant(value=str() as text) if id(node) not in told:
                tests.words |= {part for word in text.split() for part in (word, word.split("=")[0])}
            case ast.Name(id=name) | ast.Attribute(attr=name):
                tests.names.add(name)
            case ast.ImportFrom(names=names):
                tests.imported |= {alias.asname or alias.name for alias in names}
            case ast.FunctionDef(name=name) if _takes_any_keyword(node):
                tests.passing_on.add(name)
            case ast.Dict(keys=keys):
                for key in keys:
                    if isinstance(key, ast.Constant):
                        tests.keywords[str(key.value)].add("dict")
            case ast.Call():
                _note_call(tests, node)
    return tests


def _takes_any_keyword(function: ast.FunctionDef) -> bool:
    """It does, or what it makes does, as a fixture that returns a function."""
    return any(isinstance(node, ast.FunctionDef) and node.args.kwarg for node in ast.walk(function))


def _without_refusals(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those of tests that only look whether something is refused: that drives nothing."""
    left = [tree]
    while left:
        node = left.pop()
        yield node
        left += [child for child in ast.iter_child_nodes(node) if not _only_refuses(child)]


def _only_refuses(node: ast.AST) -> bool:
    if not (isinstance(node, ast.FunctionDef) and node.name.startswith("test_")):
        return False
    asserted = [ast.unparse(one) for one in ast.walk(node) if isinstance(one, ast.Assert)]
    refused = [text for text in asserted if text.endswith("== 2")]
    told = [text for text in asserted if ".err" in text]
    return ("pytest.raises" in ast.unparse(node) or bool(refused)) and len(refused) + len(told) == len(asserted)


def _note_call(tests: Tests, node: ast.Call) -> None:
    called = getattr(node.func, "attr", getattr(node.func, "id", ""))
    if isinstance(node.func, ast.Name):
        tests.positional[called] = max(tests.positional[called], len(node.args))
    for keyword in node.keywords:
        tests.keywords[keyword.arg or "**"].add(called)


def drivers(option: Option, files: Iterable[Tests]) -> list[Path]:
    """The files whose tests drive an option."""
    return [tests.path for tests in files if _on_command_line(option, tests) or _in_python(option, tests)]


def _on_command_line(option: Option, tests: Tests) -> bool:
    if not option.flags & tests.words:
        return False
    return any(command.split()[-1] in tests.words for command in option.commands)


def _in_python(option: Option, tests: Tests) -> bool:
    if not option.callables & tests.names:
        return False
    called = option.callables & tests.imported
    if option.place is not None and any(tests.positional[name] > option.place for name in called):
        return True
    takers = option.callables | tests.passing_on | set(_FILLS_IN)
    return bool(takers & tests.keywords.get(option.name, set()))
