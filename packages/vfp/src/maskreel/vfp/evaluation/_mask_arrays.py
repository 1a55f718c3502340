"""Forecasts of a whole split as one array, (N, H, W) uint8, which is what the leaderboard of the course takes."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from maskreel.common.atomic import atomic_path
from maskreel.common.errors import InputError
from maskreel.vfp.timeline import CLASSES

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

__all__ = ["mask_array_writer", "read_mask_array"]


def read_mask_array(path: str | os.PathLike[str], clips: int, size: tuple[int, int]) -> np.ndarray:
    """Label maps of all clips from a .npy or .pt file, uint8 (clips, H, W); of a .npy, read-only and mapped from disk.

    Raises:
        InputError: The file cannot be read, or its array does not fit.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path} is not a file, expected forecast masks as .npy or .pt")
    if path.suffix not in (".npy", ".pt"):
        raise InputError(f"{path} has another ending than .npy or .pt")
    masks = _read_npy(path) if path.suffix == ".npy" else _read_pt(path)
    if masks.dtype != np.uint8 or masks.shape != (clips, *size):
        raise InputError(
            f"{path} holds {masks.dtype} of shape {masks.shape}, expected uint8 of shape {(clips, *size)}: one mask "
            "for each clip, in the order of their numbers"
        )
    for place, mask in enumerate(masks):
        if mask.max() >= CLASSES:
            raise InputError(f"{path} holds class id {mask.max()} in mask {place}, expected 0 to {CLASSES - 1}")
    return masks


@contextmanager
def mask_array_writer(path: str | os.PathLike[str], clips: int, size: tuple[int, int]) -> Iterator[np.ndarray]:
    """An array, uint8 (clips, H, W), that lies on disk; it becomes the .npy file if the block succeeds."""
    with atomic_path(path) as scratch:
        masks = np.lib.format.open_memmap(scratch, mode="w+", dtype=np.uint8, shape=(clips, *size))
        yield masks
        masks.flush()


def _read_npy(path: Path) -> np.ndarray:
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise InputError(f"{path} is not a .npy file of numbers: {error}") from error


def _read_pt(path: Path) -> np.ndarray:
    import pickle

    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{path} is not a .pt file of a tensor: {reason}") from error
    if not isinstance(found, torch.Tensor):
        raise InputError(f"{path} holds a {type(found).__name__}, expected a tensor")
    return found.numpy()
