"""Where the frames and label maps of one video of the vfp data set lie."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

VFP_FRAMES = 22
SEEN_FRAMES = 11
"""Frames that a forecaster is given; the hidden split has no others."""
_IMAGE = re.compile(r"image_(\d+)\.png")


@dataclass(frozen=True)
class ImageRow:
    """Images in one folder whose numbers run without gaps; `str()` tells their names."""

    folder: Path
    first: int
    count: int

    def __str__(self) -> str:
        return f"image_{self.first}.png to image_{self.first + self.count - 1}.png"

    @property
    def paths(self) -> list[Path]:
        return [self.folder / f"image_{self.first + index}.png" for index in range(self.count)]

    @property
    def surplus(self) -> list[int]:
        """Numbers of images in the folder that do not belong to the row."""
        return [number for number in image_numbers(self.folder) if not 0 <= number - self.first < self.count]


@dataclass(frozen=True)
class VideoFiles:
    """The files of one video in the order of its frames."""

    images: tuple[ImageRow, ...]
    masks: tuple[tuple[Path, int], ...]
    """Arrays of label maps, and how many maps of the video each must hold; none where it has no labels."""


def files_together(folder: Path, count: int, *, annotated: bool) -> VideoFiles:
    """The layout of the course: everything in one folder."""
    return VideoFiles((ImageRow(folder, 0, count),), ((folder / "mask.npy", count),) if annotated else ())


def files_apart(seen: Path, future: Path, *, annotated: bool) -> VideoFiles:
    """The layout of input and target: 11 frames in `seen`, the other 11 in `future` or, if that has none, in `seen`."""
    return VideoFiles(_images_apart(seen, future), _masks_apart(seen, future) if annotated else ())


def image_numbers(folder: Path) -> list[int]:
    """Numbers of the images in a folder in rising order; none if there is no such folder."""
    if not folder.is_dir():
        return []
    return sorted(int(match[1]) for path in folder.iterdir() if (match := _IMAGE.fullmatch(path.name)))


def _images_apart(seen: Path, future: Path) -> tuple[ImageRow, ...]:
    numbers = image_numbers(future)
    if not numbers and max(image_numbers(seen), default=0) >= SEEN_FRAMES:
        return (ImageRow(seen, 0, VFP_FRAMES),)
    numbered_anew = bool(numbers) and numbers[-1] < SEEN_FRAMES
    first = 0 if numbered_anew else SEEN_FRAMES
    return ImageRow(seen, 0, SEEN_FRAMES), ImageRow(future, first, VFP_FRAMES - SEEN_FRAMES)


def _masks_apart(seen: Path, future: Path) -> tuple[tuple[Path, int], ...]:
    early, late = seen / "mask.npy", future / "mask.npy"
    if early.exists() and late.exists():
        return (early, SEEN_FRAMES), (late, VFP_FRAMES - SEEN_FRAMES)
    return ((early if early.exists() else late, VFP_FRAMES),)
