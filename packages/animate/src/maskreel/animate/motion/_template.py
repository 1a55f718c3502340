"""Templates of motion: the masks of a driving video in a file, without its pictures.

The file is an ordinary .npz: `about`, int64 (7,), and the masks in parts of 256 frames, `masks_00000` and on, uint8
(n, s, s), so that it is written and read piece by piece. Masks are rounded to 256 levels, as P_test does anyway.
"""

from __future__ import annotations

import math
import struct
import zipfile
import zlib
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np
import torch
from numpy.lib import format as npy
from torch import Tensor

from maskreel.animate.motion._moments import require_masks
from maskreel.common.atomic import atomic_path
from maskreel.common.errors import InputError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator

__all__ = ["MotionTemplate", "load_motion", "save_motion"]

_VERSION = 1
_PART = 256
_ABOUT = "about"
_BROKEN = (OSError, ValueError, EOFError, LookupError, RuntimeError, zipfile.BadZipFile, zlib.error, struct.error)
"""What reading a damaged or foreign file may raise; RuntimeError is zipfile's for encrypted or unknown compression."""


@dataclass(frozen=True)
class MotionTemplate:
    """The driving masks of a file; they are read when they are asked for."""

    path: Path
    fps: Fraction
    size: tuple[int, int]
    """(height, width) of the driving video in pixels."""
    frame_count: int
    mask_size: int
    """Height and width of the masks."""

    def batches(self, count: int = 16) -> Iterator[Tensor]:
        """Yield the masks in order, float32 (`count` or fewer, 1, s, s) in [0, 1].

        Raises:
            InputError: the file is damaged.
        """
        if count < 1:
            raise ValueError(f"count must be 1 or more frames, got {count}")
        for start in range(0, self.frame_count, _PART):
            masks = torch.from_numpy(self._part(start // _PART)).float()[:, None] / 255
            yield from masks.split(count)

    def masks(self) -> Tensor:
        """All of them, float32 (T, 1, s, s)."""
        return torch.cat(list(self.batches(_PART)))

    def _part(self, number: int) -> np.ndarray:
        count = min(_PART, self.frame_count - number * _PART)
        return _read(self.path, _name(number), (count, self.mask_size, self.mask_size), np.uint8)


def save_motion(
    path: str | os.PathLike[str], masks: Tensor | Iterable[Tensor], fps: Fraction, size: tuple[int, int]
) -> None:
    """Write driving masks as a template; the file appears when it is whole.

    Args:
        path: ends in .npz.
        masks: float (T, 1, s, s) in [0, 1], or batches of them in order, of which little is held at a time.
        fps: of the driving video.
        size: (height, width) of the driving video in pixels.

    Raises:
        InputError: `path` does not end in .npz.
        ValueError: there are no masks, or their size changes.
    """
    if Path(path).suffix.lower() != ".npz":
        raise InputError(f"{path} must end in .npz to hold a motion template")
    if fps <= 0 or min(size) < 1:
        raise ValueError(f"fps and size must be positive, got {fps} and {size}")
    with atomic_path(path) as scratch, zipfile.ZipFile(scratch, "w", zipfile.ZIP_DEFLATED) as archive:
        count, side = 0, 0
        for number, part in enumerate(_parts([masks] if isinstance(masks, Tensor) else masks)):
            _write(archive, _name(number), part)
            count, side = count + len(part), part.shape[-1]
        if not count:
            raise ValueError("masks must hold one or more frames, got none")
        about = [_VERSION, count, side, fps.numerator, fps.denominator, *size]
        _write(archive, _ABOUT, np.array(about, np.int64))


def load_motion(path: str | os.PathLike[str]) -> MotionTemplate:
    """Open a template that `save_motion` wrote, after checking all of it; nothing in it is ever unpickled.

    Raises:
        InputError: the file is missing, damaged or no motion template.
    """
    path = Path(path)
    version, count, side, numerator, denominator, height, width = _read(path, _ABOUT, (7,), np.int64).tolist()
    if version != _VERSION:
        raise InputError(f"{path} is a motion template of version {version}, expected {_VERSION}")
    if min(count, side, numerator, denominator, height, width) < 1:
        raise InputError(f"{path} is no motion template: it tells of {count} masks of {side} x {side} pixels")
    template = MotionTemplate(path, Fraction(numerator, denominator), (height, width), count, side)
    for _ in template.batches(_PART):
        pass
    return template


def _parts(batches: Iterable[Tensor]) -> Iterator[np.ndarray]:
    """Batches of any length as parts of 256 frames, uint8 (n, s, s)."""
    held: list[np.ndarray] = []
    shape = None
    for batch in batches:
        for mask in _levels(batch):
            if shape not in (None, mask.shape):
                raise ValueError(f"masks must be of one size, got {mask.shape} after {shape}")
            shape = mask.shape
            held.append(mask)
            if len(held) == _PART:
                yield np.stack(held)
                held = []
    if held:
        yield np.stack(held)


def _levels(masks: Tensor) -> np.ndarray:
    require_masks(masks)
    if masks.shape[-1] != masks.shape[-2]:
        raise ValueError(f"masks must be square, got {tuple(masks.shape)}")
    return (masks[:, 0].detach().float() * 255).round().clamp(0, 255).byte().cpu().numpy()


def _name(number: int) -> str:
    return f"masks_{number:05}"


def _write(archive: zipfile.ZipFile, name: str, array: np.ndarray) -> None:
    with archive.open(f"{name}.npy", "w", force_zip64=True) as stream:
        npy.write_array(stream, array, allow_pickle=False)


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
