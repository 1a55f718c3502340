"""COCO run-length encoding (format of the COCO API, `maskApi.c`), in NumPy.

A mask is read column by column as runs of 0, 1, 0, 1, ... pixels; the first run may be empty. The compressed form
writes each run length from the fourth on as the difference from the one two before it, then every number in groups of
5 bits, lowest first, with a bit that says "more follows", as the ASCII character of code 48 + group.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

import numpy as np
import torch

from maskreel.common.limits import MAX_PIXELS
from maskreel.common.masks._labels import require_masks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_MOST_BITS = 70
"""Of one number; masks need 28."""
_SHOWN = 80


class Rle(TypedDict):
    """A mask in compressed COCO RLE, ready for JSON."""

    size: list[int]
    """Height and width."""
    counts: str


def encode_rle(mask: torch.Tensor) -> Rle:
    """Encode a bool mask (H, W)."""
    require_masks(mask, "mask")
    if mask.ndim != 2:
        raise ValueError(f"mask must have shape (H, W), got {tuple(mask.shape)}")
    pixels = mask.cpu().numpy().ravel(order="F")
    changes = np.flatnonzero(pixels[1:] != pixels[:-1]) + 1
    runs = np.diff(np.concatenate(([0], changes, [pixels.size]))).tolist()
    return {"size": list(mask.shape), "counts": _compress([0, *runs] if pixels[0] else runs)}


def decode_rle(rle: Mapping[str, object]) -> torch.Tensor:
    """Decode `{"size": [height, width], "counts": ...}` to a bool mask (H, W).

    `counts` is a compressed string (or the bytes that pycocotools gives) or a list of run lengths. Raises ValueError
    if it is damaged or does not cover the mask exactly.
    """
    height, width = _size(rle.get("size"))
    found = _run_lengths(rle.get("counts"))
    total = sum(found)  # of Python's numbers, which do not overflow
    if min(found, default=0) < 0 or total != height * width:
        raise ValueError(f"counts must be run lengths that add up to {height} x {width} pixels, got {_shown(total)}")
    runs = np.array(found, dtype=np.int64)
    values = np.arange(runs.size) % 2 == 1
    return torch.from_numpy(np.repeat(values, runs).reshape(width, height).T.copy())


def _size(size: object) -> tuple[int, int]:
    if not isinstance(size, list | tuple) or len(size) != 2 or not all(type(n) is int and n > 0 for n in size):
        raise ValueError(f"size must be [height, width], got {_shown(size)}")
    if size[0] * size[1] > MAX_PIXELS:
        raise ValueError(f"size must be at most {MAX_PIXELS / 1e6:.0f} million pixels, got {_shown(size)}")
    return size[0], size[1]


def _shown(value: object) -> str:
    try:
        text = repr(value)
    except ValueError:  # Python writes out no numbers of thousands of digits
        return "an absurd number"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _run_lengths(counts: object) -> Sequence[int]:
    if isinstance(counts, bytes):
        counts = counts.decode("latin-1")  # what is no ASCII is refused with all else that is no code
    if isinstance(counts, str):
        return _decompress(counts)
    if not isinstance(counts, list | tuple) or not all(isinstance(run, int) for run in counts):
        raise ValueError(f"counts must be a string, bytes or a list of whole numbers, got {_shown(counts)}")
    return counts


def _compress(runs: Sequence[int]) -> str:
    codes = bytearray()
    for index, run in enumerate(runs):
        number = run - runs[index - 2] if index > 2 else run
        more = True
        while more:
            group = number & 31
            number >>= 5
            # The sign is the top bit of the last group, so a number ends when what is left only repeats that bit.
            more = number != (-1 if group & 16 else 0)
            codes.append(48 + group + (32 if more else 0))
    return codes.decode("ascii")


def _decompress(text: str) -> list[int]:
    runs: list[int] = []
    number = shift = 0
    for character in text:
        code = ord(character) - 48
        if not 0 <= code < 64:
            raise ValueError(f"counts holds {character!r}, which is no character of compressed COCO RLE")
        number |= (code & 31) << shift
        shift += 5
        if shift > _MOST_BITS:
            raise ValueError("counts holds a number that is longer than any run length")
        if code & 32:
            continue
        if code & 16:
            number -= 1 << shift
        runs.append(number + runs[-2] if len(runs) > 2 else number)
        number = shift = 0
    if shift:
        raise ValueError("counts ends in the middle of a number")
    return runs
