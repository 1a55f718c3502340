"""Frames and masks of a clip a few at a time, whatever it is stored as."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maskreel.animate.data._side_by_side import count_frames, read_frames
from maskreel.common import video
from maskreel.common.errors import InputError
from maskreel.common.masks import iterate_masks
from maskreel.common.video import IMAGE_SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from torch import Tensor

    from maskreel.animate.data._clip_path import ClipPath

_AT_ONCE = 8
_FEWEST = 2


def examine(clip: ClipPath) -> tuple[tuple[int, int], int]:
    """(height, width) of the frames of a whole video, and how many there are; no more than one frame is decoded.

    Raises:
        InputError: the video or its masks cannot be read, differ in number or size, or the clip has less than 2 frames.
    """
    size, count = _size_and_count(clip.path)
    require_pair(clip, count)
    if clip.masks is not None:
        next(iterate_masks(clip.masks, size=size, frame_count=count, stop=1))
    return size, count


def require_pair(clip: ClipPath, frames: int) -> None:
    """Raise InputError if a clip would have less than two of the `frames` of its video."""
    start, stop = clip.span(frames)
    if stop - start < _FEWEST:
        held = f"{frames} frame" + "s" * (frames != 1)
        part = "" if stop - start == frames else f", of which {stop - start} are for this split"
        raise InputError(f"{clip.path} has {held}{part}; pairs of frames need {_FEWEST} or more")


def frames_from(path: Path, start: int) -> Iterator[Tensor]:
    """The frames of a whole video from `start` on, uint8 (t, 3, H, W), RGB. Raises InputError where it breaks."""
    if _is_picture(path):
        yield from read_frames(path)[start:].split(_AT_ONCE)
        return
    for chunk in video.iterate(path, chunk=_AT_ONCE, start=start):
        yield chunk.frames


def masks_from(path: Path, start: int, size: tuple[int, int], count: int) -> Iterator[Tensor]:
    """The masks of a whole video from `start` on, 0 and 255 in uint8 (t, 1, H, W). Raises InputError."""
    for masks in iterate_masks(path, size=size, frame_count=count, chunk=_AT_ONCE, start=start):
        yield masks[:, None].byte() * 255


def _size_and_count(path: Path) -> tuple[tuple[int, int], int]:
    if _is_picture(path):
        return count_frames(path)
    info = video.probe(path)
    if info.frame_count is not None:
        return info.size, info.frame_count
    return info.size, sum(len(chunk) for chunk in video.iterate(path, chunk=_AT_ONCE))


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.is_dir()
