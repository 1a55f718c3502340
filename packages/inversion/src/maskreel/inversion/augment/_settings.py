"""What may be drawn; every field is a flag of the command line."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Self

__all__ = ["AugmentSettings"]


@dataclass(frozen=True)
class AugmentSettings:
    """How views of an image differ from it; by default not at all."""

    jitter: int = 0
    """Largest shift in pixels, down or up and to either side."""
    flip: float = 0.0
    """Chance of a mirror image."""
    brightness: float = 0.0
    """Standard deviation of what is added to all pixels, which are in [0, 1]."""
    contrast: float = 0.0
    """Standard deviation of the relative change of the distances to the mean of the image."""
    erase: int = 0
    """Rectangles of one colour that hide a part of the image."""
    erase_size: float = 0.25
    """Largest height and width of such a rectangle, as a share of the image's; the smallest is half of it."""

    def __post_init__(self) -> None:
        if self.jitter < 0 or self.erase < 0:
            raise ValueError(f"jitter and erase must be 0 or more, got {self.jitter} and {self.erase}")
        if not 0 <= self.flip <= 1:
            raise ValueError(f"flip must be a chance in [0, 1], got {self.flip}")
        for name in ("brightness", "contrast"):
            value = getattr(self, name)
            if not 0 <= value < math.inf:
                raise ValueError(f"{name} must be 0 or more, got {value}")
        if not 0 < self.erase_size <= 1:
            raise ValueError(f"erase_size must be in (0, 1], got {self.erase_size}")

    def scaled(self, factor: float) -> Self:
        """For images of `factor` times the size: the shift in pixels changes, all else is relative."""
        return replace(self, jitter=round(self.jitter * factor))
