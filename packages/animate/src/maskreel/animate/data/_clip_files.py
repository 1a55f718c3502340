"""Which files of a store belong to a clip."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from maskreel.animate.data._growing_array import part_of
from maskreel.common.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from maskreel.animate.data._clip_path import ClipPath
    from maskreel.animate.data._square import Fit

_FORMAT = 1
"""Goes up when the same video would be stored in another way."""


@dataclass(frozen=True)
class Layout:
    """How frames are stored."""

    size: int
    fit: Fit
    most: int | None

    def kept(self, frames: int) -> int:
        """How many of the frames of a video are stored."""
        return frames if self.most is None else min(frames, self.most)


@dataclass(frozen=True)
class ClipFiles:
    """Where the arrays of one video are or will be."""

    frames: Path
    masks: Path | None

    @property
    def are_there(self) -> bool:
        return all(file.is_file() for file in self._files)

    @property
    def bytes_there(self) -> int:
        """What is stored, whole or not."""
        both = [*self._files, *map(part_of, self._files)]
        return sum(file.stat().st_size for file in both if file.is_file())

    def remove_parts(self) -> None:
        for file in self._files:
            part_of(file).unlink(missing_ok=True)

    @property
    def _files(self) -> tuple[Path, ...]:
        return (self.frames,) if self.masks is None else (self.frames, self.masks)


def clip_files(folder: Path, clip: ClipPath, layout: Layout) -> ClipFiles:
    """Named after the clip and after everything that the arrays depend on. Raises InputError if it is not there."""
    named = re.sub(r"[^\w#-]+", "_", clip.name, flags=re.ASCII)[-60:]
    frames = folder / f"{named}.{_digest(_state(clip.path), layout)}.npy"
    if clip.masks is None:
        return ClipFiles(frames, None)
    return ClipFiles(frames, folder / f"{named}.{_digest([_state(clip.path), _state(clip.masks)], layout)}.masks.npy")


def _digest(state: object, layout: Layout) -> str:
    told = json.dumps([_FORMAT, state, layout.size, layout.fit, layout.most])
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def _state(path: Path) -> list[object]:
    """Path, and size and time of the file or of everything in the folder."""
    try:
        files = sorted(path.iterdir()) if path.is_dir() else [path]
        states = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}; give a video file or a folder of images") from error
    return [str(path.resolve()), states]
