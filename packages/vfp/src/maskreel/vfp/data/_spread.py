"""Some of many, from all over."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")


def spread(items: Sequence[T], count: int) -> list[T]:
    """`count` of them, evenly spread, from the first on; all where there are no more."""
    count = min(count, len(items))
    return [items[place * len(items) // count] for place in range(count)]
