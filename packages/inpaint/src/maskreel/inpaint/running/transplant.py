"""Masked things laid over the frames once more, somewhen or somewhere else, so that it is known what they cover."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Transplanted", "transplanted"]

_ELSEWHERE = 0.3  # of the masked pixels: how many must not be masked some time later, for that to be tried
_STEPS = 8  # of these parts of the frame are the shifts that are looked at
_ENOUGH = 0.8  # of the masked pixels, or of as many as can be had: what must fall on known ones


@dataclass(frozen=True, repr=False)
class Transplanted:
    """Frames with things laid over them."""

    frames: np.ndarray
    """uint8 (T, H, W, 3)."""
    where: np.ndarray
    """bool (T, H, W): where things lie that did not lie there before."""
    in_time: bool
    """Whether they lie where they were at another moment, not elsewhere in the picture."""


def transplanted(frames: np.ndarray, masks: np.ndarray) -> Transplanted:
    """Lay everything masked over the frames, as it is and as it moves.

    Things that get about are laid where they were a quarter of the time before, or half of it, so they cover what they
    cover anyway. Those that stay are laid elsewhere, by the shortest shift that shows enough. Either way, what is
    covered has the same shape, moves in the same way or not at all, looks the same to whoever measures flow, and lies
    near by.

    Args:
        frames: uint8 (T, H, W, 3).
        masks: bool (T, H, W).
    """
    for later in (len(masks) // 4, len(masks) // 2):
        where = np.roll(masks, later, axis=0) & ~masks
        if np.count_nonzero(where) > _ELSEWHERE * np.count_nonzero(masks):
            return Transplanted(np.where(where[..., None], np.roll(frames, later, axis=0), frames), where, in_time=True)
    shift = _shortest(masks[:: max(1, len(masks) // 12)])
    where = _shifted(masks, shift) & ~masks
    return Transplanted(np.where(where[..., None], _shifted(frames, shift), frames), where, in_time=False)


def _shortest(masks: np.ndarray) -> tuple[int, int]:
    """The shift (down, to the right)."""
    height, width = masks.shape[1:]
    parts = range(1 - _STEPS, _STEPS)
    shifts = [(round(down * height / _STEPS), round(right * width / _STEPS)) for down in parts for right in parts]
    coarse = masks[:, ::4, ::4]
    shown = np.array([np.count_nonzero(_known(coarse, (down // 4, right // 4))) for down, right in shifts])
    enough = np.flatnonzero(shown >= min(_ENOUGH * np.count_nonzero(coarse), _ENOUGH * shown.max()))
    return min((shifts[k] for k in enough), key=lambda shift: np.hypot(*shift))


def _known(masks: np.ndarray, shift: tuple[int, int]) -> np.ndarray:
    return _shifted(masks, shift) & ~masks


def _shifted(images: np.ndarray, shift: tuple[int, int]) -> np.ndarray:
    """(T, H, W, ...) moved, with zeros where nothing comes from."""
    (to_y, from_y), (to_x, from_x) = (_overlap(by, size) for by, size in zip(shift, images.shape[1:3], strict=True))
    result = np.zeros_like(images)
    result[:, to_y, to_x] = images[:, from_y, from_x]
    return result


def _overlap(shift: int, size: int) -> tuple[slice, slice]:
    """What of `size` pixels gets something from a shift, and where that comes from."""
    return slice(max(shift, 0), size + min(shift, 0)), slice(max(-shift, 0), size - max(shift, 0))
