"""Forecasts of a whole split as one array, written while they are made."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from maskreel.common.atomic import atomic_path
from maskreel.vfp.data._new_array import new_array

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

__all__ = ["mask_array_writer"]


@contextmanager
def mask_array_writer(path: str | os.PathLike[str], clips: int, size: tuple[int, int]) -> Iterator[np.ndarray]:
    """An array, uint8 (clips, H, W), that lies on disk; it becomes the .npy file if the block succeeds.

    `maskreel.vfp.data.read_leaderboard` reads it.
    """
    with atomic_path(path) as scratch:
        masks = new_array(scratch, np.uint8, (clips, *size))
        yield masks
        masks.flush()
