"""Single RGB pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from maskreel.common.errors import InputError
from maskreel.common.image_file import open_image

if TYPE_CHECKING:
    from pathlib import Path


def read_picture(file: Path, size: tuple[int, int] | None = None) -> torch.Tensor:
    """uint8 (3, H, W), RGB; InputError for a missing or damaged file, or one that has not the expected size."""
    with open_image(file) as image:
        pixels = np.array(image.convert("RGB"))
    if size is not None and pixels.shape[:2] != size:
        raise InputError(f"{file} is {pixels.shape[1]}x{pixels.shape[0]} pixels, expected {size[1]}x{size[0]}")
    return torch.from_numpy(pixels).permute(2, 0, 1).contiguous()
