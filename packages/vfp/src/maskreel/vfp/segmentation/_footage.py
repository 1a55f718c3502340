"""What `maskreel vfp segment` reads: every frame of data sets, folders of pictures, videos and arrays."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import numpy as np
import torch

from maskreel.common import video
from maskreel.common.array_file import open_npy
from maskreel.common.datasets import VfpSplit
from maskreel.common.errors import InputError
from maskreel.vfp.data import open_split

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator

    from maskreel.common.datasets import VfpSequence

__all__ = ["Footage", "open_footage"]

FPS = Fraction(128, 25)
"""Frames per second of the data set: every fifth of 25.6."""
CHUNK = 32


@dataclass(frozen=True)
class Footage:
    """Frames of one video, read a few at a time."""

    name: str
    """What its results are called."""
    source: Path
    fps: Fraction
    frame_count: int | None
    """None where the file does not say."""
    chunks: Callable[[], Iterator[torch.Tensor]]
    """Gives uint8 (t, 3, H, W) RGB, all frames in order."""
    labels: Callable[[], torch.Tensor | None]
    """Gives the true label maps, uint8 (T, H, W), if there are any."""


def open_footage(
    path: str | os.PathLike[str], *, quarantine: Path | None = None, skip_bad: bool = False
) -> list[Footage]:
    """The videos in `path`, in the order of their numbers; those of a data set that are left out are logged by name.

    `path` is a split of a data set in the layout of vfp (DIR/train, DIR/val, DIR/unlabeled, DIR/hidden), a folder of
    pictures with running numbers (with a mask.npy, its label maps), a video file, or an array uint8 (T, H, W, 3),
    (T, 3, H, W), or of several such clips, as .npy.

    Args:
        path: What to read.
        quarantine: A list of videos of a data set to leave out.
        skip_bad: Check the videos of a data set first, and leave bad ones out.

    Raises:
        InputError: There is nothing of the kind; or, when its turn comes, a file is bad.
    """
    path = Path(path)
    if path.suffix.lower() == ".npy":
        return _from_array(path)
    if path.is_dir() and any(entry.name.startswith("video_") and entry.is_dir() for entry in path.iterdir()):
        videos = open_split(path.parent, _split(path), quarantine=quarantine, skip_bad=skip_bad)
        return [_of_sequence(one) for one in videos]
    if quarantine is not None or skip_bad:
        raise InputError(f"{path} is no split of a data set, so no videos of it can be left out")
    if path.is_dir() and any((path / split).is_dir() for split in get_args(VfpSplit)):
        raise InputError(f"{path} is a data set, give one of its splits, such as {path / 'val'}")
    return [_of_file(path)]


def _split(path: Path) -> VfpSplit:
    for split in get_args(VfpSplit):
        if path.name == split:
            return split
    raise InputError(f"{path} holds videos of a data set, so it must be called {', '.join(get_args(VfpSplit))}")


def _of_sequence(one: VfpSequence) -> Footage:
    def chunks() -> Iterator[torch.Tensor]:
        yield one.frames()

    return Footage(one.name, one.folder, FPS, one.frame_count, chunks, one.labels)


def _of_file(path: Path) -> Footage:
    info = video.probe(path)

    def chunks() -> Iterator[torch.Tensor]:
        return (clip.frames for clip in video.iterate(path, chunk=CHUNK))

    def labels() -> torch.Tensor | None:
        file = path / "mask.npy"
        return torch.from_numpy(np.array(_array(file, ndim=(3,)))) if path.is_dir() and file.is_file() else None

    name = path.name if path.is_dir() else path.stem
    return Footage(name, path, info.fps, info.frame_count, chunks, labels)


def _from_array(path: Path) -> list[Footage]:
    array = _array(path, ndim=(4, 5))
    clips = [array] if array.ndim == 4 else list(array)
    digits = len(str(len(clips) - 1))
    names = [path.stem] if array.ndim == 4 else [f"{path.stem}_{n:0{digits}d}" for n in range(len(clips))]
    return [_of_clip(path, name, clip) for name, clip in zip(names, clips, strict=True)]


def _of_clip(path: Path, name: str, clip: np.ndarray) -> Footage:
    axis = next((axis for axis in (3, 1) if clip.shape[axis] == 3), None)
    if axis is None:
        raise InputError(f"{path} holds clips of shape {clip.shape}, expected (T, H, W, 3) or (T, 3, H, W)")
    planes = np.moveaxis(clip, axis, 1)

    def chunks() -> Iterator[torch.Tensor]:
        for start in range(0, len(planes), CHUNK):
            yield torch.from_numpy(np.array(planes[start : start + CHUNK]))

    return Footage(name, path, FPS, len(clip), chunks, lambda: None)


def _array(path: Path, *, ndim: tuple[int, ...]) -> np.ndarray:
    array = open_npy(path)
    if array.dtype != np.uint8 or array.ndim not in ndim or 0 in array.shape:
        axes = " or ".join(map(str, ndim))
        raise InputError(f"{path} holds {array.dtype} of shape {array.shape}, expected uint8 with {axes} axes")
    return array
