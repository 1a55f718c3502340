"""Masks of a whole video to disk."""

from __future__ import annotations

import os
import shutil
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from maskreel.common.errors import InputError
from maskreel.common.masks._labels import require_masks
from maskreel.common.masks._png import write_binary_png

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from fractions import Fraction

_FRAMES_AT_ONCE = 32


def write_masks(
    path: str | os.PathLike[str], masks: torch.Tensor | Iterable[torch.Tensor], *, fps: Fraction | None = None
) -> None:
    """Write masks so that `iterate_masks` reads back the same: bool (T, H, W), or such tensors one after the other.

    A `path` that ends in .mkv becomes a lossless mask video (FFV1, white object on black) and needs `fps`. A path
    without suffix becomes a folder of grey PNG files 00000.png, 00001.png, ... Either appears only when it is whole.
    Raises InputError if the folder exists and is not empty, and for other suffixes, whose formats would lose detail.
    """
    path = Path(path)
    chunks = _checked_chunks(masks)
    if path.suffix == "":
        _write_folder(path, chunks)
    elif path.suffix.lower() == ".mkv":
        _write_video(path, chunks, fps)
    else:
        raise InputError(f"{path} must end in .mkv for a lossless mask video, or have no suffix for a folder of PNGs")


def _checked_chunks(masks: torch.Tensor | Iterable[torch.Tensor]) -> Iterator[torch.Tensor]:
    size = None
    for chunk in [masks] if isinstance(masks, torch.Tensor) else masks:
        require_masks(chunk)
        if chunk.ndim != 3:
            raise ValueError(f"masks must have shape (T, H, W), got {tuple(chunk.shape)}")
        size = size or chunk.shape[1:]
        if chunk.shape[1:] != size:
            raise ValueError(f"masks must all be of one size, got {tuple(size)} and {tuple(chunk.shape[1:])}")
        yield from chunk.split(_FRAMES_AT_ONCE)


def _write_folder(folder: Path, chunks: Iterator[torch.Tensor]) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} exists and is not an empty folder; masks are written to a new one")
    scratch = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    try:
        scratch.mkdir(parents=True)
        for number, mask in enumerate(chain.from_iterable(chunks)):
            write_binary_png(scratch / f"{number:05d}.png", mask)
        if folder.exists():
            folder.rmdir()
        scratch.rename(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _write_video(path: Path, chunks: Iterator[torch.Tensor], fps: Fraction | None) -> None:
    from maskreel.common.video import Clip, VideoWriter  # PyAV is needed here only

    if fps is None:
        raise ValueError("fps must be given for a mask video")
    first = next(chunks, None)
    if first is None:
        raise ValueError("masks must hold at least one mask for a mask video")
    height, width = first.shape[1:]
    count = 0
    with VideoWriter(path, fps=fps, size=(height, width), codec="ffv1") as writer:
        for chunk in chain([first], chunks):
            frames = (chunk.cpu().to(torch.uint8) * 255)[:, None].expand(-1, 3, -1, -1)
            writer.write(Clip(frames, fps, start=count / fps))
            count += len(chunk)
