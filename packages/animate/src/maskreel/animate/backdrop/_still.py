"""`StillBackdrop`: one picture behind the whole clip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["StillBackdrop"]


@dataclass(frozen=True)
class StillBackdrop:
    """The same picture in every frame."""

    picture: Tensor
    """uint8 (3, H, W)."""
    hole: Tensor | None = None
    """Where its own subject is: float (1, H, W) in [0, 1]; None: nowhere."""
    transparent: bool = False
    """Whether the picture is only there for its size."""

    @property
    def still(self) -> bool:
        """True."""
        return True

    def read(self, start: int, count: int) -> Tensor:
        """The picture as uint8 (count, 3, H, W), which share memory."""
        return self.picture.expand(count, -1, -1, -1)

    def holes(self, start: int, count: int) -> Tensor | None:
        """The hole as float (count, 1, H, W), which share memory."""
        return None if self.hole is None else self.hole.expand(count, -1, -1, -1)
