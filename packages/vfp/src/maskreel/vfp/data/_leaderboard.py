"""The array that is handed in: for every video, in order, the mask of frame 22."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from maskreel.common.array_file import open_npy
from maskreel.common.atomic import atomic_path
from maskreel.common.errors import InputError
from maskreel.common.weights import load_checkpoint
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


def read_leaderboard(
    path: str | os.PathLike[str], *, videos: int | None = None, size: tuple[int, int] = SIZE
) -> np.ndarray:
    """The masks in a file, uint8 (N, H, W); those of a .npy are read-only and mapped from disk.

    Args:
        path: .npy or .pt, as `write_leaderboard` makes them, or made by others.
        videos: How many masks there should be; None: any number from 1.
        size: Height and width that they should have.

    Raises:
        InputError: The file cannot be read, or is not uint8 of this shape with ids 0 to 48.
    """
    path = Path(path)
    masks = _load(path)
    count = len(masks) if videos is None and masks.ndim else videos
    if masks.dtype != np.uint8 or masks.shape != (count, *size) or count == 0:
        expected = f"({'N' if videos is None else videos}, {size[0]}, {size[1]})"
        raise InputError(
            f"{path} holds {masks.dtype} of shape {masks.shape}, expected uint8 of shape {expected}: one mask for "
            "every video, in the order of their numbers"
        )
    for place, mask in enumerate(masks):  # one by one, so that a file of any length fits
        if mask.max() >= CLASSES:
            raise InputError(f"{path} holds the class id {mask.max()} in mask {place}, expected 0 to {CLASSES - 1}")
    return masks


def check_leaderboard(path: str | os.PathLike[str], *, videos: int | None = None) -> tuple[str, ...]:
    """Check a file of masks before it is handed in; arguments and errors are those of `read_leaderboard`.

    Returns:
        Sentences about what is allowed but looks wrong: masks without any object.
    """
    masks = read_leaderboard(path, videos=videos)
    empty = [place for place, mask in enumerate(masks) if not mask.any()]
    if not empty:
        return ()
    listed = ", ".join(map(str, empty[:10])) + (", ..." if len(empty) > 10 else "")
    return (f"{len(empty)} of {len(masks)} masks hold no object at all: {listed}",)


def _load(path: Path) -> np.ndarray:
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"{path} is no file of masks, expected one that ends in {' or '.join(SUFFIXES)}")
    if not path.is_file():
        raise InputError(f"{path} is not a file, expected masks as {' or '.join(SUFFIXES)}")
    masks = open_npy(path) if path.suffix.lower() == ".npy" else load_checkpoint(path)
    if isinstance(masks, torch.Tensor):
        try:
            masks = masks.numpy()
        except (TypeError, RuntimeError) as error:  # bfloat16, or sparse
            raise InputError(f"{path} cannot be read: {error}") from error
    if not isinstance(masks, np.ndarray):
        raise InputError(f"{path} holds a {type(masks).__name__}, expected one array or tensor")
    return masks
