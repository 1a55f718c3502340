"""The array that is handed in: for every video, in order, the mask of frame 22."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from maskreel.common.atomic import atomic_path
from maskreel.common.errors import InputError
from maskreel.vfp.timeline import CLASSES, SIZE

if TYPE_CHECKING:
    import os

SUFFIXES = (".npy", ".pt")


def write_leaderboard(path: str | os.PathLike[str], masks: torch.Tensor) -> None:
    """Write the masks of all videos as a NumPy array (.npy) or a tensor (.pt); the file appears when it is whole.

    Args:
        path: Ends in .npy or .pt.
        masks: uint8 (N, 160, 240), class ids 0 to 48, in the order of the videos' numbers.

    Raises:
        TypeError: `masks` is not uint8.
        ValueError: It has another shape or ids above 48, or `path` ends in something else.
    """
    if masks.dtype != torch.uint8:
        raise TypeError(f"masks must be uint8, got {masks.dtype}")
    if masks.ndim != 3 or tuple(masks.shape[1:]) != SIZE or len(masks) == 0:
        raise ValueError(f"masks must have shape (N, {SIZE[0]}, {SIZE[1]}), got {tuple(masks.shape)}")
    if int(masks.max()) >= CLASSES:
        raise ValueError(f"masks must hold class ids 0 to {CLASSES - 1}, got {int(masks.max())}")
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"path must end in {' or '.join(SUFFIXES)}, got {path}")
    with atomic_path(path) as scratch, scratch.open("wb") as file:
        if suffix == ".npy":
            np.save(file, masks.cpu().numpy())
        else:
            torch.save(masks.cpu().contiguous(), file)


def check_leaderboard(path: str | os.PathLike[str], *, videos: int | None = None) -> tuple[str, ...]:
    """Check a file of masks before it is handed in.

    Args:
        path: .npy or .pt, as `write_leaderboard` makes them, or made by others.
        videos: How many masks there should be.

    Returns:
        Sentences about what is allowed but looks wrong: masks without any object.

    Raises:
        InputError: The file cannot be read, or is not uint8 (N, 160, 240) with ids 0 to 48 and N = `videos`.
    """
    path = Path(path)
    masks = _load(path)
    count = "N" if videos is None else videos
    if masks.dtype != np.uint8 or masks.ndim != 3 or masks.shape[1:] != SIZE or len(masks) == 0:
        found = f"{masks.dtype} of shape {masks.shape}"
        raise InputError(f"{path} holds {found}, expected uint8 of shape ({count}, {SIZE[0]}, {SIZE[1]})")
    if videos is not None and len(masks) != videos:
        raise InputError(f"{path} holds {len(masks)} masks, expected {videos}, one for every video")
    highest = [int(mask.max()) for mask in masks]  # one by one, so that a file of any length fits
    if max(highest) >= CLASSES:
        place = next(index for index, value in enumerate(highest) if value >= CLASSES)
        raise InputError(f"{path} holds the class id {highest[place]} in mask {place}, expected 0 to {CLASSES - 1}")
    empty = [index for index, value in enumerate(highest) if value == 0]
    if not empty:
        return ()
    listed = ", ".join(map(str, empty[:10])) + (", ..." if len(empty) > 10 else "")
    return (f"{len(empty)} of {len(masks)} masks hold no object at all: {listed}",)


def _load(path: Path) -> np.ndarray:
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"{path} is no file of masks, expected one that ends in {' or '.join(SUFFIXES)}")
    if not path.is_file():
        raise InputError(f"{path} does not exist")
    try:
        if path.suffix.lower() == ".npy":
            masks = np.load(path, mmap_mode="r", allow_pickle=False)
        else:
            masks = torch.load(path, map_location="cpu", weights_only=True)
            masks = masks.numpy() if isinstance(masks, torch.Tensor) else masks
    except (OSError, ValueError, EOFError, RuntimeError, pickle.UnpicklingError) as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    if not isinstance(masks, np.ndarray):
        raise InputError(f"{path} holds a {type(masks).__name__}, expected one array or tensor")
    return masks
