"""The frames and masks of one clip, written to its files in a store."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from maskreel.animate.data._frames import examine, frames_from, masks_from
from maskreel.animate.data._growing_array import write_rows
from maskreel.animate.data._square import squared

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    import numpy as np
    from torch import Tensor

    from maskreel.animate.data._clip_files import ClipFiles, Layout
    from maskreel.animate.data._clip_path import ClipPath


def store_clip(clip: ClipPath, files: ClipFiles, layout: Layout, progress: Callable[[int], object]) -> None:
    """Write what is not there; `progress` is told the number of frames. Raises InputError if a frame is damaged."""
    size, count = examine(clip)
    numbers = _evenly(count, layout.kept(count))
    if files.masks is not None and clip.masks is not None and not files.masks.is_file():
        _store_masks(clip.masks, files.masks, size, count, numbers, layout)
    if files.frames.is_file():
        progress(len(numbers))
    else:
        _store_frames(clip.path, files.frames, numbers, layout, progress)


def _store_frames(
    source: Path, target: Path, numbers: Sequence[int], layout: Layout, progress: Callable[[int], object]
) -> None:
    def rows(done: int) -> Iterator[np.ndarray]:
        progress(done)
        for some in _rest(lambda start: frames_from(source, start), numbers[done:]):
            yield squared(some, layout.size, layout.fit).permute(0, 2, 3, 1).numpy()
            progress(len(some))

    write_rows(target, (layout.size, layout.size, 3), rows)


def _store_masks(
    source: Path, target: Path, size: tuple[int, int], count: int, numbers: Sequence[int], layout: Layout
) -> None:
    def rows(done: int) -> Iterator[np.ndarray]:
        for some in _rest(lambda start: masks_from(source, start, size, count), numbers[done:]):
            yield squared(some, layout.size, layout.fit)[:, 0].numpy()

    write_rows(target, (layout.size, layout.size), rows)


def _evenly(count: int, kept: int) -> Sequence[int]:
    return range(count) if kept == count else [number * count // kept for number in range(kept)]


def _rest(read: Callable[[int], Iterable[Tensor]], numbers: Sequence[int]) -> Iterator[Tensor]:
    """Of what `read` gives from a number on, some at a time, those with these numbers, which go up."""
    if not numbers:
        return
    first = numbers[0]
    for some in read(first):
        inside = numbers[bisect_left(numbers, first) : bisect_left(numbers, first + len(some))]
        if len(inside):
            yield some[[number - first for number in inside]]
        first += len(some)
