"""Videos of the vfp data set as arrays whose pixels are read when they are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from maskreel.common.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from maskreel.common.datasets._vfp_sequence import VfpSequence


@dataclass(frozen=True)
class LazyArray:
    """uint8 array on disk, read frame by frame: indexing the first axis gives a NumPy array."""

    read: Callable[[int, int], torch.Tensor | None]
    shape: tuple[int, ...]
    dtype = np.dtype(np.uint8)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: int | slice) -> np.ndarray:
        if isinstance(index, slice):
            frames = [self[i] for i in range(*index.indices(len(self)))]
            return np.stack(frames) if frames else np.empty((0, *self.shape[1:]), self.dtype)
        place = range(len(self))[index]
        found = self.read(place, place + 1)
        assert found is not None, "lazy_arrays has refused videos without label maps"
        return found.numpy()[0]


Pixels = torch.Tensor | np.ndarray | LazyArray
"""Frames or label maps in memory or on disk."""


def lazy_arrays(video: VfpSequence) -> tuple[LazyArray, LazyArray]:
    """Frames (T, 3, H, W) and label maps (T, H, W) of a video; only the heads of the files are read now.

    Raises:
        InputError: The video has no label maps.
    """
    if not video.is_annotated:
        raise InputError(f"{video.folder} has no label maps, only videos of train and val have")
    count, (height, width) = video.frame_count, video.size
    return LazyArray(video.frames, (count, 3, height, width)), LazyArray(video.labels, (count, height, width))
