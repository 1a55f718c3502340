"""`Ride`: where the pixels of an object are on its texture, in every frame of a sequence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from maskreel.inversion.video._motion import ObjectMotion, bent
from maskreel.inversion.video._register import IDENTITY, register

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maskreel.inversion.video._flow import Kind
    from maskreel.inversion.video._outline import Outline

__all__ = ["Ride", "ride"]

_BORDER = 0.15  # of the sides of the object: texture around it, for contours that do not fit exactly


@dataclass(frozen=True)
class Ride:
    """An object's way through a sequence, seen from its own picture in one frame, the anchor."""

    extent: tuple[float, float, float, float]
    """x0, y0, x1, y1 of the texture in the anchor frame, pixels from corner to corner."""
    motions: tuple[ObjectMotion | None, ...]
    """From every frame to the anchor frame; None where the object is not there."""

    def place(self, frame: int, points: np.ndarray) -> np.ndarray:
        """Positions (K, 2) on the texture, -1 to 1 from corner to corner, of pixel positions in a frame."""
        motion = self.motions[frame]
        assert motion is not None
        x0, y0, x1, y1 = self.extent
        corner, sides = np.array((x0, y0)), np.array((x1 - x0, y1 - y0))
        return (motion(points) + 0.5 - corner) / sides * 2 - 1


def ride(views: Sequence[Outline | None], kind: Kind) -> Ride | None:
    """Follow an object from the frame where most of it is seen, forward and back; None if no frame shows it.

    Every frame is registered to the anchor itself, starting from its neighbour's result, so errors do not add up.
    """
    present = [index for index, view in enumerate(views) if view is not None]
    if not present:
        return None
    anchor = max(present, key=lambda index: views[index].area)  # pyright: ignore[reportOptionalMemberAccess]
    motions: list[ObjectMotion | None] = [None] * len(views)
    for way in (range(anchor, len(views)), range(anchor - 1, -1, -1)):
        matrix = IDENTITY
        for index in way:
            matrix = _followed(views[index], views[anchor], matrix, kind, motions, index)
    return Ride(_extent(views[anchor]), tuple(motions))  # pyright: ignore[reportArgumentType]


def _followed(
    view: Outline | None,
    anchor: Outline | None,
    guess: np.ndarray,
    kind: Kind,
    motions: list[ObjectMotion | None],
    index: int,
) -> np.ndarray:
    """Fill in the motion of one frame; returns the guess for the next."""
    if view is None or anchor is None:
        return guess
    if view is anchor:
        motions[index] = ObjectMotion(IDENTITY)
        return IDENTITY
    matrix = register(view, anchor, guesses=(guess,))
    motions[index] = bent(matrix, view, anchor) if kind == "free" else ObjectMotion(matrix)
    return matrix


def _extent(view: Outline) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = view.box
    border_x, border_y = _BORDER * (x1 - x0) + 1, _BORDER * (y1 - y0) + 1
    return x0 - border_x, y0 - border_y, x1 + border_x, y1 + border_y
