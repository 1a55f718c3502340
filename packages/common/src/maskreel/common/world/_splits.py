"""How many videos a data set in the layout of vfp has, and how they are numbered and named."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Splits:
    """Numbers of videos. They are numbered through: val goes on where train ends, and so on in this order."""

    train: int = 0
    """Videos with the masks of all frames."""
    val: int = 0
    """The same, to measure on."""
    unlabeled: int = 0
    """Videos without masks."""
    hidden: int = 0
    """Videos of which only the first 11 frames are given."""

    def __post_init__(self) -> None:
        for name, count in vars(self).items():
            if count < 0:
                raise ValueError(f"{name} must be 0 or more, got {count}")

    @property
    def total(self) -> int:
        """Videos of all splits."""
        return sum(vars(self).values())

    def videos(self) -> Iterator[tuple[str, int]]:
        """Split and number of every video."""
        number = 0
        for split in fields(self):
            for _ in range(getattr(self, split.name)):
                yield split.name, number
                number += 1
