"""Middlebury .flo files: 'PIEH', int32 width, int32 height, then float32 rows of (u, v); all little-endian."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from maskreel.common.atomic import atomic_path
from maskreel.common.errors import InputError
from maskreel.common.flow._checks import check_flow

if TYPE_CHECKING:
    import os

_HEADER = struct.Struct("<4sii")
_MAGIC = b"PIEH"  # the bytes of the float 202021.25


def read_flo(path: str | os.PathLike[str]) -> torch.Tensor:
    """Read a .flo file (or DFVI's .rflo, the same format) as float32 (2, H, W), pixels.

    Raises:
        InputError: the file is missing, is no .flo file, or has another length than its header says.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot read the flow file ({error.strerror})") from error
    if len(content) < _HEADER.size or content[:4] != _MAGIC:
        raise InputError(f"{path}: not a .flo file, it must begin with the bytes PIEH")
    _, width, height = _HEADER.unpack_from(content)
    if width < 1 or height < 1:
        raise InputError(f"{path}: the header says {width}x{height} pixels, both must be at least 1")
    expected = _HEADER.size + 8 * width * height
    if len(content) != expected:
        raise InputError(
            f"{path}: damaged flow file, {width}x{height} vectors take {expected} bytes but it has {len(content)}"
        )
    vectors = np.frombuffer(content, "<f4", offset=_HEADER.size).reshape(height, width, 2)
    return torch.from_numpy(vectors.astype(np.float32).transpose(2, 0, 1).copy())


def write_flo(path: str | os.PathLike[str], flow: torch.Tensor) -> None:
    """Write one flow, float (2, H, W) in pixels, as a .flo file; the file appears only when it is whole."""
    check_flow(flow)
    if flow.ndim != 3:
        raise ValueError(f"flow must have shape (2, H, W), one flow per file, got {tuple(flow.shape)}")
    vectors = flow.detach().movedim(0, -1).float().cpu().contiguous().numpy()
    height, width = vectors.shape[:2]
    with atomic_path(path) as scratch:
        scratch.write_bytes(_HEADER.pack(_MAGIC, width, height) + vectors.astype("<f4").tobytes())
