"""Single RGB pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image

from maskreel.common.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path


def read_picture(file: Path, size: tuple[int, int] | None = None) -> torch.Tensor:
    """uint8 (3, H, W), RGB; InputError for a missing or damaged file, or one that has not the expected size."""
    try:
        with Image.open(file) as image:
            pixels = np.array(image.convert("RGB"))
    except FileNotFoundError:
        raise InputError(f"{file} does not exist") from None
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(f"{file} cannot be read as a picture: {error}") from error
    if size is not None and pixels.shape[:2] != size:
        raise InputError(f"{file} is {pixels.shape[1]}x{pixels.shape[0]} pixels, expected {size[1]}x{size[0]}")
    return torch.from_numpy(pixels).permute(2, 0, 1).contiguous()
