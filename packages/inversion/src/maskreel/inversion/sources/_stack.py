"""Masks that come as one array per object and may overlap."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch

from maskreel.common.errors import InputError
from maskreel.inversion.sources._sequence import MaskFrame, MaskSequence

if TYPE_CHECKING:
    from fractions import Fraction
    from pathlib import Path


class MaskStack(MaskSequence):
    """A bool array (T, N, H, W), in memory or mapped from a file; objects that are never seen are left out."""

    def __init__(self, path: Path, name: str, fps: Fraction, array: np.ndarray) -> None:
        self.path, self.name, self.fps, self._array = path, name, fps, array

    @property
    def size(self) -> tuple[int, int]:
        return self._array.shape[2], self._array.shape[3]

    @property
    def object_ids(self) -> tuple[int, ...]:
        return self._seen

    @cached_property
    def _seen(self) -> tuple[int, ...]:
        seen = np.zeros(self._array.shape[1], bool)
        for masks in self._array:
            seen |= masks.any(axis=(1, 2))
        if not seen.any():
            raise InputError(f"{self.path} shows no object in any of its {len(self)} frames, expected one or more")
        return tuple((np.flatnonzero(seen) + 1).tolist())

    @property
    def class_names(self) -> tuple[str | None, ...]:
        return (None,) * len(self.object_ids)

    def __len__(self) -> int:
        return len(self._array)

    def frame(self, index: int) -> MaskFrame:
        chosen = [number - 1 for number in self.object_ids]
        return MaskFrame(torch.from_numpy(self._array[index][chosen]), None)
