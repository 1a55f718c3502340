"""Videos stored as one PNG with square frames side by side, as some published data sets are."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import torch

from maskreel.common.errors import InputError
from maskreel.common.image_file import open_image

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from PIL import Image
    from torch import Tensor

_FEWEST = 3
"""Two squares side by side are more often one wide frame."""


def is_side_by_side(path: Path) -> bool:
    """Whether the head of a picture tells of three or more squares; False if it cannot be read."""
    try:
        with open_image(path) as picture:
            return _count(picture) >= _FEWEST
    except InputError:
        return False


def count_frames(path: Path) -> tuple[tuple[int, int], int]:
    """(height, width) of a frame and the number of frames, by the head of the file. Raises InputError."""
    with _opened(path) as picture:
        if not _count(picture):
            size = f"{picture.width}x{picture.height}"
            raise InputError(f"{path} is {size} pixels, expected square frames side by side: a multiple of its height")
        return (picture.height, picture.height), _count(picture)


def read_frames(path: Path) -> Tensor:
    """All frames, uint8 (T, 3, H, H), RGB. Raises InputError if the file cannot be read."""
    (height, _), count = count_frames(path)
    with _opened(path) as picture:
        pixels = np.array(picture.convert("RGB"))
    return torch.from_numpy(pixels).reshape(height, count, height, 3).permute(1, 3, 0, 2)


def _count(picture: Image.Image) -> int:
    return 0 if picture.width % picture.height else picture.width // picture.height


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    with open_image(path, kind="an image") as picture:
        yield picture
