"""One sequence of DAVIS: its frames and annotations."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch

from maskreel.common import masks
from maskreel.common.errors import InputError
from maskreel.common.image_file import open_image
from maskreel.common.video import Clip

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

DAVIS_FPS = Fraction(24)


@dataclass(frozen=True)
class DavisSequence:
    """The frames of one video and its annotations, read from disk when asked for.

    `start` and `stop` count frames and work as in a slice. Every method raises InputError naming the file if one is
    missing, damaged or not of the size of the first frame.
    """

    name: str
    frame_files: tuple[Path, ...] = field(repr=False)
    annotation_files: tuple[Path, ...] = field(repr=False)
    """One path per frame; test sets have files for the first frame only, or for none."""
    single_object: bool
    """DAVIS 2016: everything annotated is one object, label 1. Otherwise one label per object."""

    @property
    def frame_count(self) -> int:
        return len(self.frame_files)

    @cached_property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return _read_jpeg(self.frame_files[0]).shape[:2]

    @property
    def is_annotated(self) -> bool:
        """Whether every frame has an annotation file."""
        return all(file.exists() for file in self.annotation_files)

    @cached_property
    def object_ids(self) -> tuple[int, ...]:
        """The labels of all objects in the annotations that exist, in rising order; reads each of them once."""
        found: set[int] = set()
        for file in self.annotation_files:
            if file.exists():
                found.update(torch.unique(self._read_labels(file)).tolist())
        return tuple(sorted(found - {0, masks.VOID}))

    def frames(self, start: int = 0, stop: int | None = None) -> Clip:
        """Frames at 24 fps; `start` of the Clip is the time in the sequence."""
        files = self.frame_files[start:stop]
        pixels = np.empty((len(files), *self.size, 3), np.uint8)
        for index, file in enumerate(files):
            picture = _read_jpeg(file)
            self._require_size(file, picture.shape[:2])
            pixels[index] = picture
        first = slice(start, stop).indices(self.frame_count)[0]
        return Clip.from_numpy(pixels, DAVIS_FPS, first / DAVIS_FPS)

    def labels(self, start: int = 0, stop: int | None = None) -> torch.Tensor:
        """Label maps, uint8 (T, H, W): 0 background, 255 void, else the object."""
        files = self.annotation_files[start:stop]
        labels = torch.empty((len(files), *self.size), dtype=torch.uint8)
        for index, file in enumerate(files):
            if not file.exists():
                raise InputError(f"{file} does not exist: this frame of {self.name} is not annotated")
            annotation = self._read_labels(file)
            self._require_size(file, annotation.shape)
            labels[index] = annotation
        return labels

    def masks(self, start: int = 0, stop: int | None = None) -> torch.Tensor:
        """All objects together, bool (T, H, W)."""
        return masks.binary(self.labels(start, stop))

    def instances(self, start: int = 0, stop: int | None = None) -> torch.Tensor:
        """One mask per object, bool (T, N, H, W) in the order of `object_ids`, with N the same for every part."""
        return masks.labels_to_instances(self.labels(start, stop), ids=self.object_ids)[0]

    def _read_labels(self, file: Path) -> torch.Tensor:
        return masks.read_binary_png(file).to(torch.uint8) if self.single_object else masks.read_label_png(file)

    def _require_size(self, file: Path, shape: Sequence[int]) -> None:
        if tuple(shape) != self.size:
            raise InputError(
                f"{file} is {shape[1]}x{shape[0]} pixels, expected {self.size[1]}x{self.size[0]} "
                f"like the first frame of {self.name}"
            )


def _read_jpeg(file: Path) -> np.ndarray:
    with open_image(file) as image:
        return np.asarray(image.convert("RGB"))
