"""Whether the frames of a clip are in order, told by how far each is from the next."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import cv2
import numpy as np

_SMALL = (40, 60)
_BLUR = 5.0
"""Standard deviation in pixels of the small pictures: far more than a step, so that near in time is near in pixels."""
_LEAST_GAIN = 0.01
"""Share of the path by which another order must be shorter; 600 rendered clips that are in order stay below."""
_LEAST_LEVELS = 0.1
"""And grey levels, so that the noise of clips in which nothing moves does not count."""


@dataclass(frozen=True)
class OrderHint:
    """A better order of frames than the one found."""

    swapped: tuple[int, int] | None
    """Two frames that should change places; None: the files are in the order of their names as text, 0, 1, 10, 11."""
    gain: float
    """Share of the path from the first frame to the last that is saved."""

    def __str__(self) -> str:
        found = (
            "frames 2 to 21 look sorted as text (image_10 before image_2)"
            if self.swapped is None
            else f"frames {self.swapped[0]} and {self.swapped[1]} look swapped"
        )
        return f"{found}, the motion would be {self.gain:.0%} shorter"


def order_hint(frames: np.ndarray) -> OrderHint | None:
    """The one change of order that makes the path through the frames shortest, if it is clearly shorter; else None.

    The path is the sum of distances from frame to frame, each the root mean square difference of strongly blurred
    pictures. A clip that runs backwards, or begins and ends elsewhere, is not noticed.

    Args:
        frames: uint8 (T, H, W, 3), RGB.
    """
    distance = _distances(frames)
    count = len(frames)
    whole = _path(distance, np.arange(count)[None])[0]
    if count < 4 or whole < _LEAST_LEVELS:
        return None
    pairs = list(combinations(range(count), 2))
    lengths = _path(distance, np.stack([_swapped(count, pair) for pair in pairs] + [_from_text_order(count)]))
    best = int(lengths.argmin())
    saved = float(whole - lengths[best])
    if saved < _LEAST_LEVELS or saved < _LEAST_GAIN * whole:
        return None
    return OrderHint(pairs[best] if best < len(pairs) else None, saved / float(whole))


def repeated_frames(frames: np.ndarray) -> tuple[int, int] | None:
    """The first two frames of equal content with another between them, which motion does not bring about."""
    seen: dict[bytes, int] = {}
    for index, frame in enumerate(frames):
        content = frame.tobytes()
        before = seen.get(content)
        if before is not None and any((frames[other] != frame).any() for other in range(before + 1, index)):
            return before, index
        seen[content] = index
    return None


def _distances(frames: np.ndarray) -> np.ndarray:
    small = [cv2.resize(frame, _SMALL[::-1], interpolation=cv2.INTER_AREA).astype(np.float32) for frame in frames]
    points = np.stack([cv2.GaussianBlur(picture, (0, 0), _BLUR).ravel() for picture in small])
    return np.stack([np.sqrt(np.square(points - point).mean(-1)) for point in points])


def _path(distance: np.ndarray, orders: np.ndarray) -> np.ndarray:
    return distance[orders[:, :-1], orders[:, 1:]].sum(1)


def _swapped(count: int, pair: tuple[int, int]) -> np.ndarray:
    order = np.arange(count)
    order[list(pair)] = pair[::-1]
    return order


def _from_text_order(count: int) -> np.ndarray:
    """Undoes an order by names as text: entry t is the place at which frame t was put."""
    return np.argsort([int(name) for name in sorted(map(str, range(count)))])
