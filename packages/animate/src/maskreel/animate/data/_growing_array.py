"""A large .npy file that is written row by row, and goes on where a killed process stopped."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_HEAD = 128
"""Bytes of the header, whatever number of rows it tells."""


def write_rows(target: Path, row: tuple[int, ...], rows: Callable[[int], Iterator[np.ndarray]]) -> None:
    """Write uint8 (T, *row); `target` appears when it is whole, until then the rows are in a hidden file beside it.

    The caller sees to it that nobody else writes the same array.

    Args:
        target: Ends in .npy.
        row: Shape of one row.
        rows: Gives the rows from a number on, some at a time, (t, *row); the number is that of the rows that an
            earlier call has left.
    """
    part = part_of(target)
    part.touch()
    with part.open("r+b") as stream:
        done = max(0, part.stat().st_size - _HEAD) // int(np.prod(row))
        stream.truncate(_HEAD + done * int(np.prod(row)))
        stream.seek(0, os.SEEK_END)
        for some in rows(done):
            stream.write(np.ascontiguousarray(some).data)
            done += len(some)
        stream.seek(0)
        _write_head(stream, (done, *row))
    part.replace(target)


def part_of(target: Path) -> Path:
    """Where rows are until all are there."""
    return target.with_name(f".{target.name}.part")


def _write_head(stream: BinaryIO, shape: tuple[int, ...]) -> None:
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": "|u1", "fortran_order": False, "shape": shape})
    assert head.tell() == _HEAD, "numpy fills headers up to a multiple of 64 bytes"
    stream.write(head.getvalue())
