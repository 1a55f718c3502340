"""Label maps of clips to learn from, rendered by the world or from disk."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from torch.utils.data import Dataset

from maskreel.common.array_file import open_npy
from maskreel.common.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maskreel.common.datasets import VfpSequence

__all__ = ["LabelScene", "StoredMasks", "WorldMasks"]

_OWN_STREAM = 0x6D61736B
"""Keeps the clips apart from those of a data set that is rendered with the same seed."""


class LabelScene(Protocol):
    """Gives the class ids of a clip, uint8 (T, H, W), by its seed, as `TableScene` does."""

    def labels(self, seed: int) -> np.ndarray: ...


class WorldMasks(Dataset[torch.Tensor]):
    """Label maps of rendered clips, uint8 (T, H, W); scene after scene in turn.

    A clip is rendered (in some 25 ms) when it is asked for and kept compressed (about 11 kB), so that a second pass
    does not wait for it. None of the clips is in a data set of `maskreel world render`, whatever its seed.

    Args:
        scenes: For example `TableScene.preset` of all difficulties; all give frames of one size and number.
        count: Number of clips.
        seed: Another seed gives other clips.
    """

    def __init__(self, scenes: Sequence[LabelScene], count: int, *, seed: int = 0) -> None:
        if not scenes:
            raise ValueError("scenes must hold at least one scene")
        if count < 1:
            raise ValueError(f"count must be 1 or more, got {count}")
        self._scenes, self._count, self._seed = list(scenes), count, seed
        self._kept: dict[int, tuple[bytes, tuple[int, ...]]] = {}

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> torch.Tensor:
        if not 0 <= index < self._count:
            raise IndexError(f"index must be 0 to {self._count - 1}, got {index}")
        if index not in self._kept:
            state = np.random.SeedSequence((self._seed, index, _OWN_STREAM)).generate_state(1, np.uint64)
            labels = self._scenes[index % len(self._scenes)].labels(int(state[0] >> np.uint64(1)))
            self._kept[index] = zlib.compress(labels.tobytes(), 1), labels.shape
        data, shape = self._kept[index]
        return torch.frombuffer(bytearray(zlib.decompress(data)), dtype=torch.uint8).view(shape)


class StoredMasks(Dataset[torch.Tensor]):
    """Label maps on disk, uint8 (T, H, W), read each time they are asked for.

    Args:
        sources: Videos with label maps, or mask.npy files as `pseudo_label` writes them.
    """

    def __init__(self, sources: Sequence[VfpSequence | Path]) -> None:
        self._sources = list(sources)

    def __len__(self) -> int:
        return len(self._sources)

    def __getitem__(self, index: int) -> torch.Tensor:
        source = self._sources[index]
        if isinstance(source, Path):
            return torch.from_numpy(np.array(open_npy(source)))
        labels = source.labels()
        if labels is None:
            raise InputError(f"{source.folder} has no label maps, only videos of train and val have")
        return labels
