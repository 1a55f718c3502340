"""Backgrounds on disk: a video has one for every few minutes, and far more of them where the camera sweeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, overload

from maskreel.common.array_file import read_npz, write_npz
from maskreel.common.errors import InputError
from maskreel.inpaint.scene.background import Background

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["BackgroundFiles"]

_NAMES = tuple(field.name for field in fields(Background))


class BackgroundFiles(Sequence[Background]):
    """Backgrounds in the order of time, an .npz file for each; the one used last is held, and no other.

    Args:
        folder: where the files are.
        bounds: first frame, and the one to stop before, of each that is there.
    """

    def __init__(self, folder: Path, bounds: Iterable[tuple[int, int]] = ()) -> None:
        self.folder = folder
        self.bounds = list(bounds)
        """First frame, and the one to stop before, of each."""
        self._held: tuple[int, Background] | None = None

    def __len__(self) -> int:
        return len(self.bounds)

    @overload
    def __getitem__(self, number: int) -> Background: ...

    @overload
    def __getitem__(self, number: slice) -> list[Background]: ...

    def __getitem__(self, number: int | slice) -> Background | list[Background]:
        """Raises InputError if a file is missing, damaged or something else."""
        if isinstance(number, slice):
            return [self[each] for each in range(*number.indices(len(self)))]
        index = range(len(self))[number]
        if self._held is None or self._held[0] != index:
            self._held = None  # before another one is read
            self._held = index, self._read(index)
        return self._held[1]

    def __setitem__(self, number: int, background: Background) -> None:
        """Put another background in the place of one."""
        index = range(len(self))[number]
        self._write(index, background)
        self.bounds[index] = background.start, background.stop

    def append(self, background: Background) -> None:
        """Add what comes next."""
        self._write(len(self), background)
        self.bounds.append((background.start, background.stop))

    def _write(self, index: int, background: Background) -> None:
        write_npz(self._path(index), {name: getattr(background, name) for name in _NAMES})
        self._held = index, background

    def _read(self, index: int) -> Background:
        arrays, path = read_npz(self._path(index)), self._path(index)
        if arrays.keys() != set(_NAMES) or (int(arrays["start"]), int(arrays["stop"])) != self.bounds[index]:
            raise InputError(f"{path} does not hold this job's background; delete the job's folder to begin anew")
        start, stop = self.bounds[index]
        return Background(start, stop, *(arrays[name] for name in _NAMES[2:]))

    def _path(self, index: int) -> Path:
        return self.folder / f"background-{index:06d}.npz"
