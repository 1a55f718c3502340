"""Templates of motion: the masks of a driving video in a file, without its pictures.

The file is an ordinary .npz, written and read piece by piece: the masks in parts of 256 frames, `masks_00000` and on,
uint8 (n, s, s); `about`, int64 (13,); `recipe`, a JSON object as uint8; where the frame rate varies also `ticks`, int64
(T,). Masks are rounded to 256 levels, as P_test does anyway.
"""

from __future__ import annotations

import json
import math
import struct
import tokenize
import zipfile
import zlib
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.lib import format as npy

from maskreel.animate.framing import Framing
from maskreel.common.errors import InputError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from torch import Tensor

__all__ = ["PART", "VERSION", "MotionTemplate", "load_motion", "part_name"]

VERSION = 1
PART = 256
"""Frames of a part."""
_FIELDS = 13
_MOST_FRAMES, _MOST_SIDE, _MOST_RECIPE = 10_000_000, 1024, 100_000
"""What is promised must not ask for more memory than any real motion does."""
_MOST_FPS, _MOST_SECONDS, _MOST_INT = 1000, 10_000_000, 2**31 - 1
"""Times beyond do not fit into videos."""
_BROKEN = (OSError, ValueError, EOFError, LookupError, RuntimeError, TypeError, OverflowError, SyntaxError, MemoryError,
           tokenize.TokenError, zipfile.BadZipFile, zlib.error, struct.error)  # fmt: skip
"""What reading a damaged or foreign file may raise; RuntimeError is zipfile's for encrypted or unknown compression."""


@dataclass(frozen=True)
class MotionTemplate:
    """The driving masks of a file; they are read when they are asked for."""

    path: Path
    fps: Fraction
    framing: Framing
    """The square of the driving frames that the masks are of."""
    frame_count: int
    mask_size: int
    """Height and width of the masks."""
    time_base: Fraction | None = None
    """Seconds of a tick of `times` where the frame rate varies; None where it does not."""
    times: tuple[Fraction, ...] | None = None
    """Seconds of every frame where the frame rate varies."""
    recipe: dict[str, Any] | None = None
    """How it was made."""

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the driving video in pixels."""
        return self.framing.size

    def batches(self, count: int = 16, start: int = 0, stop: int | None = None) -> Iterator[Tensor]:
        """Yield the masks from `start` to `stop` in order, float32 (`count` or fewer, 1, s, s) in [0, 1].

        Raises:
            InputError: the file is damaged.
        """
        if count < 1:
            raise ValueError(f"count must be 1 or more frames, got {count}")
        stop = self.frame_count if stop is None else stop
        held: dict[int, np.ndarray] = {}
        for first in range(start, stop, count):
            last = min(first + count, stop)
            numbers = range(first // PART, (last - 1) // PART + 1)
            held = {number: held[number] if number in held else self._part(number) for number in numbers}
            rows = np.concatenate(list(held.values()))[first - numbers[0] * PART :][: last - first]
            yield torch.from_numpy(rows).float()[:, None] / 255

    def masks(self) -> Tensor:
        """All of them, float32 (T, 1, s, s)."""
        return torch.cat(list(self.batches(PART)))

    def _part(self, number: int) -> np.ndarray:
        count = min(PART, self.frame_count - number * PART)
        return _read(self.path, part_name(number), (count, self.mask_size, self.mask_size), np.uint8)


def load_motion(path: str | os.PathLike[str]) -> MotionTemplate:
    """Open a template that `save_motion` wrote, after checking all of it; nothing in it is ever unpickled.

    Raises:
        InputError: the file is missing, damaged or no motion template.
    """
    path = Path(path)
    about = _read(path, "about", (_FIELDS,), np.int64).tolist()
    version, count, side, recipe, per_second, seconds, *square, ticks_per, of_seconds = about
    if version != VERSION:
        raise InputError(f"{path} is a motion template of version {version}, expected {VERSION}")
    if min(count, side, per_second, seconds, of_seconds) < 1 or min(recipe, ticks_per) < 0:
        raise InputError(f"{path} is no motion template: it tells of {count} masks of {side} x {side} pixels")
    if count > _MOST_FRAMES or side > _MOST_SIDE or recipe > _MOST_RECIPE:
        raise InputError(
            f"{path} is no motion template: it tells of {count} masks of {side} x {side} pixels, expected at most "
            f"{_MOST_FRAMES} of {_MOST_SIDE} x {_MOST_SIDE}"
        )
    if max(per_second, seconds, ticks_per, of_seconds) > _MOST_INT or per_second > _MOST_FPS * seconds:
        raise InputError(f"{path} is no motion template: it tells of {per_second} frames in {seconds} s")
    time_base = Fraction(of_seconds, ticks_per) if ticks_per else None
    template = MotionTemplate(
        path,
        Fraction(per_second, seconds),
        _framing(path, square),
        count,
        side,
        time_base,
        None if time_base is None else _times(path, count, time_base),
        _recipe(path, recipe),
    )
    for _ in template.batches(PART):
        pass
    return template


def part_name(number: int) -> str:
    """Of the array that holds the masks from 256 times `number` on."""
    return f"masks_{number:05}"


def _framing(path: Path, square: list[int]) -> Framing:
    height, width, top, left, side = square
    try:
        return Framing(top, left, side, (height, width))
    except ValueError as error:
        raise InputError(f"{path} is no motion template: {error}") from error


def _times(path: Path, count: int, time_base: Fraction) -> tuple[Fraction, ...]:
    ticks = _read(path, "ticks", (count,), np.int64)
    if (np.diff(ticks) <= 0).any():
        raise InputError(f"{path} is no motion template: the times of its frames do not rise")
    times = tuple(tick * time_base for tick in ticks.tolist())
    if max(-times[0], times[-1]) > _MOST_SECONDS:
        raise InputError(f"{path} is no motion template: its frames are shown from {times[0]} to {times[-1]} s")
    return times


def _recipe(path: Path, length: int) -> dict[str, Any]:
    text = _read(path, "recipe", (length,), np.uint8).tobytes()
    try:
        recipe = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is damaged or no motion template: its recipe is not JSON") from error
    if not isinstance(recipe, dict):
        raise InputError(f"{path} is no motion template: its recipe is no JSON object")
    return recipe


def _read(path: Path, name: str, shape: tuple[int, ...], dtype: type[np.generic]) -> np.ndarray:
    """A member that must have this shape and dtype."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as stream:
            return _array(stream, shape, np.dtype(dtype))
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist, expected a motion template") from error
    except _BROKEN as error:
        raise InputError(f"{path} is damaged or no motion template: {error}") from error


def _array(stream: IO[bytes], shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """What is promised is compared first, so that a wrong header cannot ask for more memory than the masks need."""
    if npy.read_magic(stream) != (1, 0):
        raise ValueError("it holds arrays of an unknown kind")
    found = npy.read_array_header_1_0(stream)
    if found != (shape, False, dtype):
        raise ValueError(f"it holds {found[2]} {found[0]}, expected {dtype} {shape}")
    length = dtype.itemsize * math.prod(shape)
    content = stream.read(length + 1)
    if len(content) != length:
        raise ValueError(f"it holds {len(content)} bytes, expected {length}")
    return np.frombuffer(content, dtype).reshape(shape).copy()
