"""Masked things laid over the frames once more, somewhen or somewhere else, so that it is known what they cover."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Transplanted", "transplanted"]

_ELSEWHERE = 0.3  # of the masked pixels: how many must not be masked some time later, for that to be tried
_STEPS = 8  # of these parts of the frame are the shifts that are looked at
_ENOUGH = 0.8  # of the masked pixels, or of as many as can be had: what must fall on known ones

_Shift = tuple[int, int]
"""Pixels (down, to the right)."""


@dataclass(frozen=True, repr=False)
class Transplanted:
    """Frames with things laid over them."""

    frames: np.ndarray
    """uint8 (T, H, W, 3)."""
    where: np.ndarray
    """bool (T, H, W): where things lie that did not lie there before."""
    in_time: bool
    """Whether they lie where they were at another moment, not elsewhere in the picture."""


def transplanted(frames: np.ndarray, masks: np.ndarray) -> tuple[Transplanted, ...]:
    """Lay everything masked over the frames, as it is and as it moves, in one place or in two.

    Things that get about are laid where they were a quarter of the time before, or half of it, so they cover what they
    cover anyway. Those that stay are laid elsewhere, by the shortest shifts to two sides that show enough, once each:
    what lies on one side may suit one way of filling by chance. Either way, what is covered has the same shape, moves
    in the same way or not at all, looks the same to whoever measures flow, and lies near by.

    Args:
        frames: uint8 (T, H, W, 3).
        masks: bool (T, H, W).
    """
    for later in (len(masks) // 4, len(masks) // 2):
        laid = _laid(frames, masks, np.roll(frames, later, 0), np.roll(masks, later, 0), in_time=True)
        if np.count_nonzero(laid.where) > _ELSEWHERE * np.count_nonzero(masks):
            return (laid,)
    shifts = _two_sides(masks[:: max(1, len(masks) // 12)])
    return tuple(_laid(frames, masks, _shifted(frames, k), _shifted(masks, k), in_time=False) for k in shifts)


def _laid(
    frames: np.ndarray, masks: np.ndarray, others: np.ndarray, theirs: np.ndarray, *, in_time: bool
) -> Transplanted:
    """What is masked of other frames, laid over these wherever they are known."""
    where = theirs & ~masks
    return Transplanted(np.where(where[..., None], others, frames), where, in_time)


def _two_sides(masks: np.ndarray) -> tuple[_Shift, _Shift]:
    """The shortest shift that shows enough, and the shortest such one of those that do not lead the same way."""
    height, width = masks.shape[1:]
    parts = range(1 - _STEPS, _STEPS)
    shifts = [(round(down * height / _STEPS), round(right * width / _STEPS)) for down in parts for right in parts]
    coarse = masks[:, ::4, ::4]
    shown = np.array([np.count_nonzero(_known(coarse, (down // 4, right // 4))) for down, right in shifts])
    whole = int(np.count_nonzero(coarse))
    first = _shortest(shifts, shown, whole)
    away = np.array([np.dot(shift, first) <= 0 for shift in shifts])
    return first, _shortest(shifts, np.where(away, shown, 0), whole)


def _shortest(shifts: list[_Shift], shown: np.ndarray, whole: int) -> _Shift:
    """The shortest of the shifts that show enough of `whole` pixels, or of as many as can be had."""
    enough = np.flatnonzero(shown >= _ENOUGH * min(whole, shown.max()))
    return min((shifts[k] for k in enough), key=lambda shift: np.hypot(*shift))


def _known(masks: np.ndarray, shift: _Shift) -> np.ndarray:
    return _shifted(masks, shift) & ~masks


def _shifted(images: np.ndarray, shift: _Shift) -> np.ndarray:
    """(T, H, W, ...) moved, with zeros where nothing comes from."""
    (to_y, from_y), (to_x, from_x) = (_overlap(by, size) for by, size in zip(shift, images.shape[1:3], strict=True))
    result = np.zeros_like(images)
    result[:, to_y, to_x] = images[:, from_y, from_x]
    return result


def _overlap(shift: int, size: int) -> tuple[slice, slice]:
    """What of `size` pixels gets something from a shift, and where that comes from."""
    return slice(max(shift, 0), size + min(shift, 0)), slice(max(-shift, 0), size - max(shift, 0))
