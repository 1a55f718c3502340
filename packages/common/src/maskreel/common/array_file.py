"""Files of arrays. Anyone may have made those that are read: no pickles, no more memory than they promise honestly."""

from __future__ import annotations

import math
import struct
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np
from numpy.lib import format as npy

from maskreel.common.atomic import atomic_path
from maskreel.common.errors import InputError

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from numpy.typing import ArrayLike

__all__ = ["open_npy", "read_npz", "write_npz"]

_BROKEN = (OSError, ValueError, EOFError, LookupError, RuntimeError, TypeError, OverflowError, SyntaxError, MemoryError,
           tokenize.TokenError, zipfile.BadZipFile, zlib.error, struct.error)  # fmt: skip
"""What a damaged header, archive or stream may raise; RuntimeError is zipfile's for encryption, and RecursionError."""

_MOST_BYTES = 4 << 30
"""That one array of an archive may have unpacked."""


def open_npy(path: str | os.PathLike[str], *, kind: str = "an .npy array") -> np.ndarray:
    """The array of an .npy file, mapped from disk and read-only; its size is compared with that of the file.

    Raises:
        InputError: There is no such file, or it is damaged, an archive, or holds pickled objects.
    """
    path = Path(path)
    try:
        with path.open("rb") as stream:
            _refuse_archive(path, stream)
            shape, dtype = _promised(stream)
            _check(shape, dtype, path.stat().st_size - stream.tell())
        if math.prod(shape) == 0 or dtype.itemsize == 0:  # cannot be mapped
            return np.load(path, allow_pickle=False)
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except _BROKEN as error:
        raise InputError(f"{path} cannot be read as {kind}: {_reason(error)}") from error


def read_npz(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """All arrays of an .npz file, in memory.

    Raises:
        InputError: There is no such file, or it is damaged, holds pickled objects, or an array of more than 4 GB.
    """
    path = Path(path)
    try:
        with zipfile.ZipFile(path) as archive:
            return {name.removesuffix(".npy"): _member(archive, name) for name in archive.namelist()}
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except _BROKEN as error:
        raise InputError(f"{path} cannot be read as an .npz archive of arrays: {_reason(error)}") from error


def write_npz(path: str | os.PathLike[str], arrays: Mapping[str, ArrayLike], *, compress: bool = False) -> None:
    """Write arrays to an .npz file, whole or not at all; equal arrays make equal files.

    `numpy.savez` of NumPy 1 leaves the archive open where the disk is full, and Python complains of that later.

    Raises:
        ValueError: One holds Python objects.
        OSError: The disk is full, or does not let itself be written.
    """
    method = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
    with atomic_path(path) as scratch, zipfile.ZipFile(scratch, "w", method) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as stream:
                npy.write_array(stream, np.asanyarray(array), allow_pickle=False)


def _refuse_archive(path: Path, stream: IO[bytes]) -> None:
    if stream.read(2) == b"PK":
        raise InputError(f"{path} is an archive of arrays, expected one .npy array")
    stream.seek(0)


def _member(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    """Compared twice: what the header promises with what the archive says, and that with what comes."""
    if not name.endswith(".npy"):
        raise ValueError(f"{name!r} in it is no array")
    with archive.open(name) as stream:
        shape, dtype = _promised(stream)
        room = archive.getinfo(name).file_size - stream.tell()
        _check(shape, dtype, room)
        if room > _MOST_BYTES:
            raise ValueError(f"{name!r} takes {room / 1e9:.1f} GB, {_MOST_BYTES / 1e9:.1f} are the most")
        stream.seek(0)
        return npy.read_array(stream, allow_pickle=False)


def _promised(stream: IO[bytes]) -> tuple[tuple[int, ...], np.dtype]:
    version = npy.read_magic(stream)
    if version == (1, 0):
        shape, _, dtype = npy.read_array_header_1_0(stream)
    elif version == (2, 0):
        shape, _, dtype = npy.read_array_header_2_0(stream)
    else:
        raise ValueError(f"it is of version {version[0]}.{version[1]}, expected 1.0 or 2.0")
    return shape, dtype


def _check(shape: tuple[int, ...], dtype: np.dtype, room: int) -> None:
    if dtype.hasobject:
        raise ValueError("it holds Python objects, and reading those can run code from the file")
    if any(not 0 <= length < 1 << 40 for length in shape):
        raise ValueError(f"its header tells of an impossible shape, {shape}")
    needed = dtype.itemsize * math.prod(shape)
    if needed > room:
        raise ValueError(f"its header tells of {dtype} {shape}, {needed} bytes, but {room} are there")


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
