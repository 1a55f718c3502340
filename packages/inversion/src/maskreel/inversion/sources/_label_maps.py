"""Masks that come as one label map per frame: most kinds of file."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from maskreel.common import masks as mask_tools
from maskreel.common.errors import InputError
from maskreel.inversion.sources._sequence import MaskFrame, MaskSequence

if TYPE_CHECKING:
    from collections.abc import Callable
    from fractions import Fraction
    from pathlib import Path

    import torch

    from maskreel.common.video import Clip


@dataclass(frozen=True, repr=False)
class LabelMapSequence(MaskSequence):
    """Label maps: 0 is background, 255 void, any other number an object. All are read once to find the objects."""

    path: Path
    """What messages name."""
    name: str
    fps: Fraction
    count: int
    read: Callable[[int], torch.Tensor]
    """Frame number to uint8 (H, W)."""
    class_of: Callable[[int], str | None] = lambda _: None
    """Object number to class name."""
    real: Callable[[int, int], Clip] | None = None
    """First and last frame (exclusive) to the real ones."""

    @property
    def size(self) -> tuple[int, int]:
        return self._size

    @property
    def object_ids(self) -> tuple[int, ...]:
        return self._seen

    @property
    def class_names(self) -> tuple[str | None, ...]:
        return tuple(map(self.class_of, self.object_ids))

    @cached_property
    def _size(self) -> tuple[int, int]:
        height, width = self.read(0).shape
        return height, width

    @cached_property
    def _seen(self) -> tuple[int, ...]:
        counts = np.zeros(256, np.int64)
        for index in range(self.count):
            counts += np.bincount(self._labels(index).numpy().ravel(), minlength=256)
        found = tuple(number for number in np.flatnonzero(counts).tolist() if number not in (0, mask_tools.VOID))
        if not found:
            raise InputError(f"{self.path} shows no object in any of its {self.count} frames, expected one or more")
        return found

    def __len__(self) -> int:
        return self.count

    def frame(self, index: int) -> MaskFrame:
        labels = self._labels(range(self.count)[index])
        void = labels == mask_tools.VOID
        return MaskFrame(mask_tools.labels_to_instances(labels, ids=self.object_ids)[0], void if void.any() else None)

    def real_frames(self, start: int = 0, stop: int | None = None) -> Clip | None:
        if self.real is None:
            return None
        wanted = range(self.count)[start:stop]
        clip = self.real(wanted.start, wanted.stop)
        if clip.size != self.size:
            raise InputError(
                f"the real frames of {self.path} are {clip.size[1]}x{clip.size[0]} pixels, "
                f"expected {self.size[1]}x{self.size[0]} like the masks"
            )
        return clip

    def _labels(self, index: int) -> torch.Tensor:
        labels = self.read(index)
        if tuple(labels.shape) != self.size:
            raise InputError(
                f"frame {index} of {self.path} is {labels.shape[1]}x{labels.shape[0]} pixels, "
                f"expected {self.size[1]}x{self.size[0]} like frame 0"
            )
        return labels
