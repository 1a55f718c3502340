"""How a caller is told of the progress."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

__all__ = ["Watch", "unwatched"]


class Watch(Protocol):
    """Told what happens: `with watch("make", total=795) as advance: advance(12)`.

    Stages are "look" (at the driving video, for the best start) and "make"; they count driving frames.
    """

    def __call__(self, stage: str, total: int) -> AbstractContextManager[Callable[[int], object]]: ...


@contextmanager
def unwatched(stage: str, total: int) -> Iterator[Callable[[int], object]]:
    """A `Watch` that tells nobody."""
    yield lambda _: None
