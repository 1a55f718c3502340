"""`Cast`: the objects of a sequence, how they ride and what they cover, at any size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from maskreel.inversion.video._labels import target_labels
from maskreel.inversion.video._outline import outlines
from maskreel.inversion.video._pieces import piece
from maskreel.inversion.video._ride import ride

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maskreel.inversion.targets import FrameTarget
    from maskreel.inversion.video._flow import Kind
    from maskreel.inversion.video._pieces import Piece
    from maskreel.inversion.video._ride import Ride

__all__ = ["Cast"]

_LARGEST = 270  # height in pixels at which masks are registered at most: more cost time and tell no more


@dataclass(frozen=True)
class Cast:
    """What `Layers` knows about a sequence; nothing in it is learned."""

    targets: tuple[FrameTarget, ...]
    rides: tuple[Ride | None, ...]
    """Of each object; None for one without a texture."""
    measured: tuple[int, int]
    """(height, width) of the frames in which the rides were measured."""
    softness: float
    """Pixels in which objects fade out."""

    @classmethod
    def of(cls, targets: Sequence[FrameTarget], *, kind: Kind, softness: float, riding: bool) -> Self:
        """Follow every object through the sequence, unless nothing rides."""
        targets = tuple(target.to("cpu") for target in targets)
        height, width = targets[0].size
        shrink = min(1.0, _LARGEST / height)
        measured = (max(1, round(height * shrink)), max(1, round(width * shrink)))
        count = len(targets[0].masks)
        if not riding:
            return cls(targets, (None,) * count, measured, softness)
        views = [outlines(target_labels(target.resized(measured)), count) for target in targets]
        return cls(targets, tuple(ride(views_of, kind) for views_of in zip(*views, strict=True)), measured, softness)

    def pieces(self, size: tuple[int, int]) -> list[list[Piece | None]]:
        """Of every frame and object; None for an object that the frame does not show."""
        return [
            [
                piece(mask, self.softness, ride, frame, self.measured)
                for mask, ride in zip(target.resized(size).masks, self.rides, strict=True)
            ]
            for frame, target in enumerate(self.targets)
        ]

    def texture_sizes(self, size: tuple[int, int]) -> dict[str, tuple[int, int]]:
        """(height, width) of the texture of each object that has one, by its number, for frames of a size."""
        sizes = {}
        for number, way in enumerate(self.rides):
            if way is not None:
                x0, y0, x1, y1 = way.extent
                height, width = (y1 - y0) * size[0] / self.measured[0], (x1 - x0) * size[1] / self.measured[1]
                sizes[str(number)] = (max(2, round(height)), max(2, round(width)))
        return sizes
