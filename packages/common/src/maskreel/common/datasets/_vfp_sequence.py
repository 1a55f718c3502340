"""One video of the vfp data set."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch

from maskreel.common.datasets._vfp_files import BadFileError, picture_size, read_label_maps, read_picture
from maskreel.common.datasets._vfp_layout import (
    SEEN_FRAMES,
    VFP_FRAMES,
    VideoFiles,
    files_apart,
    files_together,
    image_numbers,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

VfpSplit = Literal["train", "val", "unlabeled", "hidden"]


@dataclass(frozen=True)
class VfpFault:
    """Something wrong with one file; `str()` is a sentence for a person."""

    sequence: str
    """Name of the video, such as "video_7"."""
    path: Path
    message: str
    """What is wrong and what is allowed."""

    def __str__(self) -> str:
        return f"{self.path} {self.message}"


@dataclass(frozen=True)
class VfpSequence:
    """The frames of one video and, in the train and val splits, its label maps, read from disk when asked for.

    `start` and `stop` count frames and work as in a slice. `frames` and `labels` raise InputError naming a file that is
    missing, damaged or does not fit the others.
    """

    folder: Path
    split: VfpSplit
    number: int
    """The number in the name of the folder."""
    target: Path | None = None
    """The folder for frames 11 to 21, where the data set has one; None: everything is in `folder`."""

    @property
    def name(self) -> str:
        """Name of the folder, such as "video_7"."""
        return self.folder.name

    @property
    def frame_count(self) -> int:
        """Frames that the layout asks for: 11 in the hidden split, else 22."""
        return SEEN_FRAMES if self.split == "hidden" else VFP_FRAMES

    @property
    def is_annotated(self) -> bool:
        """Whether the layout asks for label maps: in train and val."""
        return self.split in ("train", "val")

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels of the frames; if they disagree, that of most."""
        if self._size is None:
            raise BadFileError(self.folder, f"holds no readable images, expected {self._files.images[0]}")
        return self._size

    def frames(self, start: int = 0, stop: int | None = None) -> torch.Tensor:
        """uint8 (T, 3, H, W), RGB."""
        files = self._images[start:stop]
        pixels = np.empty((len(files), 3, *self.size), np.uint8)
        for index, file in enumerate(files):
            pixels[index] = self._read_image(file).transpose(2, 0, 1)
        return torch.from_numpy(pixels)

    def labels(self, start: int = 0, stop: int | None = None) -> torch.Tensor | None:
        """Class ids, uint8 (T, H, W), 0 for the background; None in the unlabeled and hidden splits."""
        return torch.from_numpy(self._read_labels()[start:stop]) if self.is_annotated else None

    def check(self) -> list[VfpFault]:
        """Decode every file and list what is wrong, at most one fault of each file; nothing for a good video."""
        return [VfpFault(self.name, fault.path, fault.fault) for fault in self._faults()]

    def _faults(self) -> Iterator[BadFileError]:
        for row in self._files.images:
            if not image_numbers(row.folder):
                yield BadFileError(row.folder, f"holds no images, expected {row}")
                continue
            for file in row.paths:
                yield from _fault(self._read_image, file)
            for number in row.surplus:
                yield BadFileError(row.folder / f"image_{number}.png", f"is one too many, expected {row}")
        if any(image_numbers(row.folder) for row in self._files.images):
            for file, count in self._files.masks:
                yield from _fault(self._read_masks, file, count)

    @cached_property
    def _files(self) -> VideoFiles:
        if self.target is None:
            return files_together(self.folder, self.frame_count, annotated=self.is_annotated)
        return files_apart(self.folder, self.target, annotated=self.is_annotated)

    @property
    def _images(self) -> list[Path]:
        return [file for row in self._files.images for file in row.paths]

    @cached_property
    def _size(self) -> tuple[int, int] | None:
        """Size of most frames by their heads, so that of one odd frame among good ones the odd one is named."""
        sizes = Counter(size for file in self._images if (size := picture_size(file)) is not None)
        return sizes.most_common(1)[0][0] if sizes else None

    def _read_image(self, file: Path) -> np.ndarray:
        if not file.exists():
            (row,) = (row for row in self._files.images if file in row.paths)
            raise BadFileError(file, f"is missing, expected {row}")
        picture = read_picture(file)
        self._require_size(file, picture.shape[:2], "is", "like most images of the video")
        return picture

    def _read_labels(self) -> np.ndarray:
        parts = [self._read_masks(file, count) for file, count in self._files.masks]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _read_masks(self, file: Path, count: int) -> np.ndarray:
        if not file.exists():
            raise BadFileError(file, f"is missing, expected one in every video of {self.split}")
        labels = read_label_maps(file, count)
        self._require_size(file, labels.shape[1:], "holds masks of", "like the images")
        return labels

    def _require_size(self, file: Path, size: tuple[int, ...], verb: str, like: str) -> None:
        if self._size is not None and size != self._size:
            height, width = self._size
            raise BadFileError(file, f"{verb} {size[1]}x{size[0]} pixels, expected {width}x{height} {like}")


def _fault(read: Callable[..., Any], *arguments: Any) -> Iterator[BadFileError]:
    try:
        read(*arguments)
    except BadFileError as error:
        yield error
