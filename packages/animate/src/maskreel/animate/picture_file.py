"""One picture from a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from maskreel.common.errors import InputError
from maskreel.common.image_file import UnknownImageError, open_image
from maskreel.common.video import IMAGE_SUFFIXES

if TYPE_CHECKING:
    from pathlib import Path

    from PIL.Image import Image

__all__ = ["read_picture"]

_WHITE = (255, 255, 255, 255)


def read_picture(path: Path) -> torch.Tensor | None:
    """uint8 (3, H, W), upright, on white where it is transparent; None for folders, videos and moving pictures.

    Raises:
        InputError: there is no such file, or it is called a picture but cannot be read or has more than 8 bits.
    """
    if not path.exists():
        raise InputError(f"{path} does not exist; give an image, a video or a folder of images")
    if path.is_dir():
        return None
    try:
        with open_image(path, kind="an image") as image:
            if getattr(image, "n_frames", 1) > 1:
                return None
            if image.mode.startswith(("I", "F")):
                raise InputError(f"{path} has more than 8 bits per channel; give an image with 8 bits per channel")
            return torch.from_numpy(np.array(_upright_on_white(image))).permute(2, 0, 1).contiguous()
    except UnknownImageError as error:
        if path.suffix.lower() in IMAGE_SUFFIXES:
            raise InputError(f"{path} cannot be read as an image; give a whole PNG, JPEG or WebP file") from error
        return None


def _upright_on_white(image: Image) -> Image:
    import PIL.Image
    from PIL import ImageOps

    upright = ImageOps.exif_transpose(image)
    if "A" not in upright.getbands() and "transparency" not in upright.info:
        return upright.convert("RGB")
    colours = upright.convert("RGBA")
    return PIL.Image.alpha_composite(PIL.Image.new("RGBA", colours.size, _WHITE), colours).convert("RGB")
