"""`StoredClip`: small frames on disk, any of which is there at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from maskreel.common.array_file import open_npy

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from torch import Tensor


@dataclass(frozen=True)
class StoredClip:
    """Frames of a clip as `FrameStore` keeps them; what is read is in memory, nothing else."""

    name: str
    identity: str
    """Who is seen."""
    frames_file: Path
    """uint8 (T, S, S, 3), .npy."""
    masks_file: Path | None
    """How much of each pixel is the subject, uint8 (T, S, S), .npy; None if nobody knows."""
    start: int
    stop: int
    """The rows of the files that belong to this clip."""
    size: int
    """Height and width of the frames, S."""

    def __len__(self) -> int:
        return self.stop - self.start

    def frames(self, numbers: Sequence[int]) -> Tensor:
        """float32 (N, 3, S, S) in [0, 1], RGB."""
        return self._read(self.frames_file, numbers).permute(0, 3, 1, 2).float() / 255

    def masks(self, numbers: Sequence[int]) -> Tensor:
        """float32 (N, 1, S, S) in [0, 1]. Raises ValueError if there are none."""
        if self.masks_file is None:
            raise ValueError(f"{self.name} has no masks")
        return self._read(self.masks_file, numbers)[:, None].float() / 255

    def _read(self, file: Path, numbers: Sequence[int]) -> Tensor:
        if any(not 0 <= number < len(self) for number in numbers):
            raise ValueError(f"numbers must be from 0 to {len(self) - 1}, got {list(numbers)}")
        rows = open_npy(file)  # opened each time: kept open, the pages read would count as our memory
        return torch.from_numpy(rows[[self.start + number for number in numbers]])
