"""`Backdrop`: what a compositor asks of what comes behind the subject."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Backdrop"]


class Backdrop(Protocol):
    """Frames that come behind the subject, as large as the result, for frame numbers of the result from 0 on."""

    @property
    def still(self) -> bool:
        """Whether every frame is the same."""
        ...

    @property
    def transparent(self) -> bool:
        """Whether nothing comes behind the subject, so that the result has an alpha channel."""
        ...

    def read(self, start: int, count: int) -> Tensor:
        """Frames `start` to `start + count`: uint8 (count, 3, H, W). Reading onwards is quick, going back is slow."""
        ...

    def holes(self, start: int, count: int) -> Tensor | None:
        """Where its own subject is, which has to go: float (count, 1, H, W) in [0, 1]; None where there is none."""
        ...
