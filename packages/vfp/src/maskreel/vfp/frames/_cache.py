"""Decoded frames on disk: a clip of PNG files takes ten times longer to decode than to read back."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from maskreel.common.array_file import open_npy
from maskreel.common.atomic import atomic_path

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from maskreel.vfp.frames._frames import Frames

__all__ = ["CachedClip", "cached_clips"]


@dataclass(frozen=True)
class CachedClip:
    """Frames uint8 (T, 3, H, W) that are decoded when they are first asked for, into a file for all later times.

    The file appears only when it is whole and may be deleted at any time, so several processes may share it.
    """

    source: Frames
    file: Path
    dtype = np.dtype(np.uint8)

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.source.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: int | slice) -> np.ndarray:
        if not self.file.is_file():
            frames = np.asarray(self.source[:])
            with atomic_path(self.file) as scratch, scratch.open("wb") as stream:
                np.save(stream, frames)
            return frames[index]
        return np.array(open_npy(self.file)[index])


def cached_clips(clips: Sequence[Frames], names: Sequence[str], folder: str | os.PathLike[str]) -> list[CachedClip]:
    """Clips that are decoded once.

    Args:
        clips: uint8 (T, 3, H, W) each, on disk.
        names: One for each clip, different ones; they should say which version of a clip is meant, such as its path
            with the time of its last change, because a clip is decoded anew only when its name is new.
        folder: Gets a file for each clip when it is first read; made if missing.

    Raises:
        ValueError: The names are not as many as the clips, or two are equal.
    """
    if len(set(names)) != len(clips):
        raise ValueError(f"names must be {len(clips)} different ones, one for each clip, got {len(set(names))}")
    keys = [hashlib.sha256(name.encode()).hexdigest()[:16] for name in names]
    return [CachedClip(clip, Path(folder) / f"{key}.npy") for clip, key in zip(clips, keys, strict=True)]
