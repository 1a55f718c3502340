"""Masks of a video, in order and a few at a time: from a mask video, a folder of PNG files or one PNG file."""

from __future__ import annotations

import re
import time
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from maskreel.common.errors import InputError
from maskreel.common.masks._png import GREY_THRESHOLD, PngKind, grey_threshold, load_levels, object_pixels

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence

_SETTLED_NS = 2_000_000_000  # a folder changed more recently may change again within the same time stamp


def iterate_masks(
    path: str | os.PathLike[str],
    *,
    size: tuple[int, int] | None = None,
    frame_count: int | None = None,
    chunk: int = 32,
    start: int = 0,
    stop: int | None = None,
    kind: PngKind = "auto",
) -> Iterator[torch.Tensor]:
    """Yield the masks `start` to `stop` (exclusive) of a video as bool (t, H, W) with t <= `chunk`.

    `path` is one of:
    - a mask video: the object is where the brightest channel is above 127, because most codecs are lossy;
    - a folder of PNG files, one per frame in natural order (2.png before 10.png); `kind` as in `read_binary_png`,
      where "auto" takes the grey level from the whole folder, so an empty frame is read like its neighbours;
    - one PNG file that holds for every frame; it needs `frame_count` or `stop`, and its chunks share memory.

    `size` is the expected (height, width) and `frame_count` the expected number of masks in the whole file or folder.
    Memory is that of one chunk. Raises InputError, at the call where the files allow it, if the path is missing or
    damaged, or has another size or number of masks than expected.
    """
    path = Path(path)
    if chunk < 1:
        raise ValueError(f"chunk must be 1 or more masks, got {chunk}")
    if start < 0 or (stop is not None and stop < start):
        raise ValueError(f"start and stop must satisfy 0 <= start <= stop, got {start} and {stop}")
    if path.is_dir():
        return _from_folder(path, size, frame_count, chunk, start, stop, kind)
    if not path.exists():
        raise InputError(f"{path} does not exist; masks are a video, a folder of PNG files or one PNG file")
    if path.suffix.lower() == ".png":
        return _from_still(path, size, frame_count, chunk, start, stop, kind)
    return _from_video(path, size, frame_count, chunk, start, stop)


def read_masks(
    path: str | os.PathLike[str],
    *,
    size: tuple[int, int] | None = None,
    frame_count: int | None = None,
    start: int = 0,
    stop: int | None = None,
    kind: PngKind = "auto",
) -> torch.Tensor:
    """Read masks into one bool tensor (T, H, W); see `iterate_masks`, which needs less memory."""
    chunks = list(iterate_masks(path, size=size, frame_count=frame_count, start=start, stop=stop, kind=kind))
    if not chunks:
        raise ValueError(f"{path} has no masks from start {start} to stop {stop}")
    return torch.cat(chunks)


class _PngFiles:
    """PNG files that belong together: `kind="auto"` decides on one grey level for all of them."""

    def __init__(self, files: Sequence[Path], kind: PngKind) -> None:
        self.files = files
        self._kind: PngKind = kind

    def mask(self, index: int) -> np.ndarray:
        levels, is_labels = load_levels(self.files[index], self._kind)
        return object_pixels(levels, is_labels, threshold=0 if is_labels else self._threshold)

    @cached_property
    def _threshold(self) -> int:
        """127 if any grey file needs it, else 0. Looks no further than the first such file."""
        loaded = (load_levels(file, self._kind) for file in self.files)
        thresholds = (grey_threshold(levels, self._kind) for levels, is_labels in loaded if not is_labels)
        return GREY_THRESHOLD if any(thresholds) else 0


def _png_folder(folder: Path, kind: PngKind) -> _PngFiles:
    changed = folder.stat().st_mtime_ns
    if time.time_ns() - changed < _SETTLED_NS:
        return _list_folder.__wrapped__(folder, kind, changed)
    return _list_folder(folder, kind, changed)


@lru_cache(maxsize=8)  # callers that take a few masks per call must not list and search a long folder each time
def _list_folder(folder: Path, kind: PngKind, changed: int) -> _PngFiles:
    files = sorted((file for file in folder.iterdir() if _is_visible_png(file)), key=_natural_order)
    return _PngFiles(files, kind)


def _from_folder(
    folder: Path,
    size: tuple[int, int] | None,
    frame_count: int | None,
    chunk: int,
    start: int,
    stop: int | None,
    kind: PngKind,
) -> Iterator[torch.Tensor]:
    source = _png_folder(folder, kind)
    files = source.files
    if not files:
        raise InputError(f"{folder} holds no PNG files, expected one mask per frame")
    _require_count(folder, len(files), frame_count)

    def chunks() -> Iterator[torch.Tensor]:
        expected = size
        for indices in _split(range(len(files))[start:stop], chunk):
            masks = [source.mask(index) for index in indices]
            for index, mask in zip(indices, masks, strict=True):
                expected = expected or mask.shape
                _require_size(files[index], mask.shape, expected)
            yield torch.from_numpy(np.stack(masks))

    return chunks()


def _from_still(
    path: Path,
    size: tuple[int, int] | None,
    frame_count: int | None,
    chunk: int,
    start: int,
    stop: int | None,
    kind: PngKind,
) -> Iterator[torch.Tensor]:
    count = stop if frame_count is None else frame_count
    if count is None:
        raise ValueError(f"{path} is one mask for every frame: give frame_count or stop")
    mask = torch.from_numpy(_PngFiles([path], kind).mask(0))
    if size is not None:
        _require_size(path, mask.shape, size)
    return (mask.expand(len(indices), -1, -1) for indices in _split(range(count)[start:stop], chunk))


def _from_video(
    path: Path, size: tuple[int, int] | None, frame_count: int | None, chunk: int, start: int, stop: int | None
) -> Iterator[torch.Tensor]:
    from maskreel.common import video  # PyAV is needed here only

    info = video.probe(path)
    if size is not None:
        _require_size(path, info.size, size)
    if info.frame_count is not None:
        _require_count(path, info.frame_count, frame_count)
    clips = video.iterate(path, chunk=chunk, start=start, stop=stop)

    def chunks() -> Iterator[torch.Tensor]:
        count = start
        for clip in clips:
            count += len(clip)
            yield clip.frames.amax(dim=1) > GREY_THRESHOLD
        if frame_count is not None and start < frame_count:
            wanted = frame_count if stop is None else min(stop, frame_count)
            _require_count(path, count, wanted)

    return chunks()


def _split(indices: range, chunk: int) -> Iterator[range]:
    return (indices[first : first + chunk] for first in range(0, len(indices), chunk))


def _is_visible_png(file: Path) -> bool:
    return file.suffix.lower() == ".png" and not file.name.startswith(".")


def _natural_order(file: Path) -> list[str | int]:
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", file.name)]


def _require_count(path: Path, found: int, expected: int | None) -> None:
    if expected is not None and found != expected:
        raise InputError(f"{path} holds {found} masks, expected {expected}: one per frame")


def _require_size(path: Path, found: tuple[int, ...], expected: tuple[int, ...]) -> None:
    if tuple(found) != tuple(expected):
        raise InputError(f"{path} is {found[1]}x{found[0]} pixels, expected {expected[1]}x{expected[0]}")
