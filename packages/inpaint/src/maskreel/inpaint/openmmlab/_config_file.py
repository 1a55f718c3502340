"""Configurations of OpenMMLab from a file of the user's: Python by their syntax, read here without running any.

What they are written in is understood: names with numbers, words, lists, tuples and dicts, `dict(...)`, `**`,
arithmetic, words with values in braces, `[... for i in range(...)]` or in a list, and `_base_`, the files that they
begin from.
"""

from __future__ import annotations

import ast
import hashlib
import operator
from collections.abc import Sized
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maskreel.common.errors import InputError
from maskreel.common.job_folder import identify

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["identify_config", "read_config_file"]

_DEEPEST_BASE = 10
_LARGEST = 10_000
"""Number of values in one list, and of characters in one word."""
_BROKEN = (ArithmeticError, LookupError, MemoryError, OSError, RecursionError, SyntaxError, TypeError, ValueError)
_ARITHMETIC = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
}


def read_config_file(path: Path, *, depth: int = 0) -> dict[str, Any]:
    """The names in a configuration with their values, those of its bases among them.

    Raises:
        InputError: There is no such file, or it holds what would have to be run.
    """
    if depth > _DEEPEST_BASE:
        raise InputError(f"{path} is not a readable configuration: it begins from itself")
    try:
        names = _values(ast.parse(path.read_text(encoding="utf-8")))
    except _BROKEN as error:
        raise InputError(f"{path} is not a readable configuration: {error}") from error
    bases = names.pop("_base_", [])
    whole: dict[str, Any] = {}
    for base in [bases] if isinstance(bases, str) else bases:
        whole = _merged(read_config_file(path.parent / str(base), depth=depth + 1), whole)
    return _merged(names, whole)


def identify_config(config: str) -> Any:
    """What tells one configuration from another, as `identify` does for files: its name, or all that a file says."""
    path = Path(config)
    if not path.is_file():
        return config
    try:
        content = read_config_file(path)
    except InputError:  # one of OpenMMLab's own, which is run; all others are refused when they are used
        return identify(path)
    return {"name": path.name, "sha256": hashlib.sha256(repr(content).encode()).hexdigest()}


def _merged(new: dict[str, Any], old: dict[str, Any]) -> dict[str, Any]:
    """As mmengine merges: dicts name by name, unless the new one says `_delete_`; all else is replaced."""
    result = dict(old)
    for key, value in new.items():
        if isinstance(value, dict):
            value = dict(value)
            before = {} if value.pop("_delete_", False) else result.get(key)
            result[key] = _merged(value, before if isinstance(before, dict) else {})
        else:
            result[key] = value
    return result


def _values(module: ast.Module) -> dict[str, Any]:
    names: dict[str, Any] = {}
    for statement in module.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                names[name] = _value(value, names)
            case ast.Expr(value=ast.Constant()):  # a docstring
                pass
            case _:
                raise ValueError(_not_understood(statement))
    return names


def _value(node: ast.expr, names: dict[str, Any]) -> Any:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            return names[name]
        case ast.List(elts=items):
            return [_value(item, names) for item in items]
        case ast.Tuple(elts=items):
            return tuple(_value(item, names) for item in items)
        case ast.Dict(keys=keys, values=values):
            pairs = zip(keys, values, strict=True)
            return _joined((None if key is None else _value(key, names), _value(value, names)) for key, value in pairs)
        case ast.Call(func=ast.Name(id="dict"), args=[], keywords=given):
            return _joined((one.arg, _value(one.value, names)) for one in given)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, names)
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _ARITHMETIC:
            return _computed(sign, _value(left, names), _value(right, names))
        case ast.JoinedStr(values=parts):
            return _short("".join(str(_value(part, names)) for part in parts))
        case ast.FormattedValue(value=value, conversion=-1, format_spec=None):
            return _value(value, names)
        case ast.ListComp(elt=item, generators=[ast.comprehension(ast.Name(id=name), places, [], 0)]):
            return [_value(item, {**names, name: place}) for place in _places(places, names)]
    raise ValueError(_not_understood(node))


def _joined(pairs: Iterable[tuple[Any, Any]]) -> dict[Any, Any]:
    """A dict; what has no key is one of its own, as after `**`."""
    result: dict[Any, Any] = {}
    for key, value in pairs:
        result.update({key: value} if key is not None else value)
    return result


def _places(node: ast.expr, names: dict[str, Any]) -> range | list[Any] | tuple[Any, ...]:
    """What a comprehension goes through: numbers, or the values of a list."""
    match node:
        case ast.Call(func=ast.Name(id="range"), args=words, keywords=[]):
            return _short(range(*(_value(word, names) for word in words)))
        case ast.List() | ast.Tuple() | ast.Name():
            values = _value(node, names)
            if isinstance(values, (list, tuple)):
                return _short(values)
    raise ValueError(_not_understood(node))


def _computed(sign: ast.operator, left: Any, right: Any) -> Any:
    for value, times in ((left, right), (right, left)):
        length = len(value) if isinstance(value, (str, list, tuple)) else 0  # pyright: ignore[reportArgumentType]
        if isinstance(times, int) and length * times > _LARGEST:
            raise ValueError(f"it makes more than {_LARGEST} values at once")
    return _short(_ARITHMETIC[type(sign)](left, right))


def _short(value: Any) -> Any:
    if isinstance(value, int) and abs(value) >= 1 << 64:
        raise ValueError("it makes a number of more than 64 bits")
    if isinstance(value, Sized) and len(value) > _LARGEST:
        raise ValueError(f"it makes more than {_LARGEST} values at once")
    return value


def _not_understood(node: ast.AST) -> str:
    return (
        f"line {getattr(node, 'lineno', '?')} would have to be run, and no code of a file is; "
        "mmengine's Config.dump writes one without any"
    )
