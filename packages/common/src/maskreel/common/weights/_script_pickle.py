"""The pickles of TorchScript, followed step by step before PyTorch's C++ reads them, because it believes what they say.

It lays a tensor over the bytes of an entry without looking whether there are so many, makes room for any number that a
value is noted under, and descends into values of any depth. The steps here are those that PyTorch's own writer takes.
"""

from __future__ import annotations

import math
import pickletools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from maskreel.common.weights._script_text import check_nesting

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["extent"]

_DEEPEST = 200
_MOST_STEPS = 2_000_000
"""Ten times those of the largest networks of torchvision."""
_HEAVIEST = 100_000_000
"""Parts of a value, one that stands in several places counted in each: what is shared and shared again doubles."""
_CALLED = re.compile(
    r"__torch__(\.\w+)* \w+|torch\.jit\._pickle (restore_type_tag|build_(int|tensor|double|bool)list)|"
    r"torch\._utils _rebuild_q?tensor(_v2)?|collections OrderedDict|builtins complex|torch device"
)
_SCHEMES = re.compile(r"torch per_(tensor|channel)_(affine|symmetric|affine_float_qparams)")
_BYTES = {
    **dict.fromkeys(("Bool", "Byte", "Char", "QInt8", "QUInt8", "QUInt4x2", "QUInt2x4"), 1),
    **dict.fromkeys(("Short", "Half", "BFloat16"), 2),
    **dict.fromkeys(("Int", "Float", "QInt32", "ComplexHalf"), 4),
    **dict.fromkeys(("Long", "Double", "ComplexFloat"), 8),
    "ComplexDouble": 16,
}


def extent(content: bytes, size_of: Callable[[str], int | None]) -> int:
    """The bytes that the tensors of a pickle take, those that repeat few values as if they were written out.

    Args:
        content: the pickle.
        size_of: tells the bytes of the values under a key; None if there are none.

    Raises:
        ValueError: PyTorch would read it wrongly, or stumble over it.
    """
    reading = _Reading(size_of)
    try:
        for step, (operation, argument, _) in enumerate(pickletools.genops(content)):
            _require(step < _MOST_STEPS, "a pickle without end")
            reading.steps[operation.name](argument)
    except (LookupError, TypeError, AttributeError, OverflowError) as error:  # too few values, or those of other kinds
        raise ValueError(f"a pickle that PyTorch does not write: {error!r}") from error
    if len(reading.stack) != 1:
        raise ValueError(f"a pickle of {len(reading.stack)} values")
    return reading.extent


@dataclass(slots=True)
class _Value:
    """A number, a text, a tuple of values, or only how deep and heavy it is."""

    content: Any = None
    depth: int = 0
    weight: int = 1
    noted: bool = False


@dataclass(frozen=True)
class _Name:
    """Something of PyTorch or a class of the script, as "module name"."""

    name: str


@dataclass(frozen=True)
class _Storage:
    """Values under a key."""

    count: int
    itemsize: int


class _Container:
    """What is filled in a later step."""


class _Reading:
    """Where a reader stands: the values at hand, the places that are marked in them, and the noted values."""

    def __init__(self, size_of: Callable[[str], int | None]) -> None:
        self.stack: list[_Value] = []
        self.extent = 0
        self._size_of = size_of
        self._marks: list[int] = []
        self._noted: list[_Value] = []
        plain = ("NEWTRUE", "NEWFALSE", "NONE", "BININT", "BININT1", "BININT2", "LONG1", "BINUNICODE", "BINFLOAT")
        self.steps: dict[str, Callable[[Any], object]] = {
            **dict.fromkeys(plain, lambda value: self.stack.append(_Value(value))),
            **dict.fromkeys(("EMPTY_LIST", "EMPTY_DICT"), lambda _: self.stack.append(_Value(_Container()))),
            **dict.fromkeys(("BINPUT", "LONG_BINPUT"), self._note),
            **dict.fromkeys(("BINGET", "LONG_BINGET"), lambda place: self.stack.append(self._noted[place])),
            **dict.fromkeys(("REDUCE", "BUILD"), self._call),
            "PROTO": lambda version: _require(version == 2, "a pickle of another version"),
            "MARK": lambda _: self._marks.append(len(self.stack)),
            "EMPTY_TUPLE": lambda _: self._tuple([]),
            "TUPLE": lambda _: self._tuple(self._from_mark()),
            "TUPLE1": lambda _: self._tuple(self._last(1)),
            "TUPLE2": lambda _: self._tuple(self._last(2)),
            "TUPLE3": lambda _: self._tuple(self._last(3)),
            "APPENDS": lambda _: self._fill(self._from_mark()),
            "SETITEMS": lambda _: self._fill(self._from_mark(), each=2),
            "SETITEM": lambda _: self._fill(self._last(2), each=2),
            "LIST": lambda _: self._push(None, self._from_mark()),
            "DICT": lambda _: self._push(None, self._from_mark(), each=2),
            "GLOBAL": self._name,
            "NEWOBJ": self._new,
            "BINPERSID": self._storage,
            "STOP": lambda _: None,
        }

    def _last(self, count: int) -> list[_Value]:
        _require(len(self.stack) >= count, "too few values")
        taken = self.stack[-count:]
        del self.stack[-count:]
        return taken

    def _from_mark(self) -> list[_Value]:
        start = self._marks.pop()
        _require(start <= len(self.stack), "a mark behind all values")
        taken = self.stack[start:]
        del self.stack[start:]
        return taken

    def _push(self, content: object, parts: list[_Value], *, each: int = 1) -> None:
        _require(len(parts) % each == 0, "a key without a value")
        value = _Value(content, 1 + max((p.depth for p in parts), default=0), 1 + sum(p.weight for p in parts))
        _require(value.depth <= _DEEPEST and value.weight <= _HEAVIEST, "values in values without end")
        self.stack.append(value)

    def _tuple(self, parts: list[_Value]) -> None:
        self._push(tuple(part.content for part in parts), parts)

    def _fill(self, parts: list[_Value], *, each: int = 1) -> None:
        container = self.stack.pop()
        _require(isinstance(container.content, _Container), "only lists and dicts are filled")
        _require(not container.noted, "what is noted is complete, or it could hold itself")
        self._push(container.content, [container, *parts] if each == 1 else parts, each=each)

    def _note(self, place: int) -> None:
        _require(place <= len(self._noted), f"a value noted as number {place}")
        self.stack[-1].noted = True
        self._noted[place : place + 1] = [self.stack[-1]]

    def _name(self, name: str) -> None:
        _require(bool(_CALLED.fullmatch(name) or _SCHEMES.fullmatch(name) or _itemsize(name)), f"it asks for {name}")
        self.stack.append(_Value(_Name(name)))

    def _new(self, _: object) -> None:
        arguments, of = self.stack.pop(), self.stack[-1]
        _require(arguments.content == () and isinstance(of.content, _Name), "an object of no class")

    def _call(self, _: object) -> None:
        called, given = self._last(2)
        _require(isinstance(called.content, _Name) and bool(_CALLED.fullmatch(called.content.name)), "no function")
        name = called.content.name
        if name.startswith("torch._utils "):
            self._tensor(given.content)
        elif name.endswith(" restore_type_tag"):
            check_nesting(given.content[1])
        self._push(None, [given])

    def _storage(self, _: object) -> None:
        kind, of, key, _place, count = self.stack.pop().content
        _require(kind == "storage" and isinstance(of, _Name), "no values of a tensor")
        itemsize = _itemsize(of.name)
        there = 0 if count == 0 else self._size_of(key)
        _require(itemsize > 0 and there is not None and 0 <= count * itemsize <= there, "fewer values than it tells of")
        self.stack.append(_Value(_Storage(count, itemsize)))

    def _tensor(self, given: tuple[Any, ...]) -> None:
        storage, offset, shape, strides = given[:4]
        numbers = (offset, *shape, *strides)
        _require(isinstance(storage, _Storage) and len(shape) == len(strides), "a tensor without values")
        _require(all(type(number) is int and number >= 0 for number in numbers), "a tensor of impossible size")
        reach = offset + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True)) + 1
        _require(0 in shape or reach <= storage.count, "a tensor beyond its values")
        self.extent += math.prod(shape) * storage.itemsize


def _itemsize(name: str) -> int:
    """Bytes of a value in "torch FloatStorage"; 0 for anything else."""
    kind = re.fullmatch(r"torch (\w+)Storage", name)
    return 0 if kind is None else _BYTES.get(kind[1], 0)


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ValueError(otherwise)
