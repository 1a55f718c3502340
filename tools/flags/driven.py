"""Where tests drive an option: on the command line, or by keyword or place in what the command is made from.

What this proves: one test, with the fixtures, helpers and constants that it reaches by name in its file and in the
conftest.py beside it, has among its strings the flag and the last word of one of the option's commands, or hands the
option as a keyword (or by its place) to what the command is made from. Tests that only look whether something is
refused do not count. So an option that no test uses is found. Not proved: that the flag and the command stand in the
same call, and that the test looks at the effect; this is up to those who write and read it.
"""

from __future__ import annotations

import ast
import functools
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from flags.options import Option

__all__ = ["Tests", "drivers", "read_tests"]

_FILLS_IN = ("dict", "replace")
"""They take keywords on behalf of a dataclass or function that the file names elsewhere."""


@dataclass
class Tests:
    """What one test says, with what it reaches."""

    path: Path
    """Of its file."""
    words: set[str] = field(default_factory=set)
    """All words of all its strings but docstrings; of `--flag=value` the flag, too."""
    names: set[str] = field(default_factory=set)
    """All names and attributes of its code."""
    keywords: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Of each keyword, what is called with it; the keys of literal dictionaries, too."""
    positional: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """The most arguments without keyword that a function is called with."""
    imported: set[str] = field(default_factory=set)
    """Names that the file has from elsewhere."""
    passing_on: set[str] = field(default_factory=set)
    """Functions of its file that take any keyword (**name) and pass it on."""


def read_tests(paths: Iterable[Path]) -> list[Tests]:
    """Look through files of tests, test by test."""
    return [tests for path in paths for tests in _read(path)]


@functools.cache
def _read(path: Path) -> tuple[Tests, ...]:
    own, shared = ast.parse(path.read_text()), path.with_name("conftest.py")
    theirs = ast.parse(shared.read_text()).body if shared.exists() else []
    known = [*theirs, *own.body]
    always = [node for node in known if isinstance(node, ast.ImportFrom | ast.If) or _is_autouse(node)]
    table = {name: node for node in known for name in _defined(node)}
    return tuple(_said(path, _reached([node, *always], table)) for node in _tests(own))


def _tests(tree: ast.AST) -> Iterator[ast.AST]:
    """All tests, those of classes too, but those that only look whether something is refused, which drives nothing."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and not _only_refuses(node):
            yield node


def _is_autouse(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef) and any("autouse" in ast.unparse(one) for one in node.decorator_list)


def _defined(node: ast.AST) -> Iterator[str]:
    """The names that a statement of a module gives a meaning."""
    match node:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Assign(targets=targets):
            yield from (one.id for target in targets for one in ast.walk(target) if isinstance(one, ast.Name))
        case ast.AnnAssign(target=ast.Name(id=name)):
            yield name
        case _:
            pass


def _reached(start: list[ast.AST], table: Mapping[str, ast.AST]) -> list[ast.AST]:
    """Statements of the module that some lead to by the names in them: of functions, constants and fixtures."""
    reached: list[ast.AST] = []
    left = list(start)
    while left:
        node = left.pop()
        if node in reached:
            continue
        reached.append(node)
        for part in ast.walk(node):
            match part:
                case ast.Name(id=name) | ast.arg(arg=name) | ast.Constant(value=str() as name) if name in table:
                    left.append(table[name])
                case _:
                    pass
    return reached


def _said(path: Path, nodes: list[ast.AST]) -> Tests:
    tests = Tests(path)
    parts = [part for node in nodes for part in ast.walk(node)]
    told = {id(part.value) for part in parts if isinstance(part, ast.Expr)}
    for part in parts:
        match part:
            case ast.Constant(value=str() as text) if id(part) not in told:
                tests.words |= {piece for word in text.split() for piece in (word, word.split("=")[0])}
            case ast.Name(id=name) | ast.Attribute(attr=name):
                tests.names.add(name)
            case ast.ImportFrom(names=names):
                tests.imported |= {alias.asname or alias.name for alias in names}
            case ast.FunctionDef(name=name) if _takes_any_keyword(part):
                tests.passing_on.add(name)
            case ast.Dict(keys=keys):
                for key in keys:
                    if isinstance(key, ast.Constant):
                        tests.keywords[str(key.value)].add("dict")
            case ast.Call():
                _note_call(tests, part)
            case _:
                pass
    return tests


def _takes_any_keyword(function: ast.FunctionDef) -> bool:
    """It does, or what it makes does, as a fixture that returns a function."""
    return any(isinstance(node, ast.FunctionDef) and node.args.kwarg for node in ast.walk(function))


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


def drivers(option: Option, tests: Iterable[Tests]) -> list[Path]:
    """The files of the tests that drive an option, once for each test."""
    return [test.path for test in tests if _on_command_line(option, test) or _in_python(option, test)]


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
