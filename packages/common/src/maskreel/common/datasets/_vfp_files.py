"""The two kinds of file in the vfp data set: pictures, and one array with all label maps of a video."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING

import numpy as np

from maskreel.common.array_file import open_npy
from maskreel.common.errors import InputError
from maskreel.common.image_file import UnknownImageError, open_image

if TYPE_CHECKING:
    from pathlib import Path

VFP_CLASSES = 49
"""Class ids are 0 (background) to 48."""
_PNG_HEAD = struct.Struct(">8s8x2I")
_PNG_END = b"IEND\xaeB`\x82"


class BadFileError(InputError):
    """A fault of one file; the whole sentence is its path and the fault."""

    def __init__(self, path: Path, fault: str) -> None:
        super().__init__(f"{path} {fault}")
        self.path = path
        self.fault = fault


def read_picture(path: Path) -> np.ndarray:
    """Decode a whole PNG into uint8 (H, W, 3) RGB; one that is damaged or cut off anywhere raises BadFileError."""
    try:
        data = path.read_bytes()
        with open_image(path, formats=["PNG"], stream=io.BytesIO(data)) as image:
            image.verify()  # checksums, which decoding ignores
        with open_image(path, formats=["PNG"], stream=io.BytesIO(data)) as image:
            mode, picture = image.mode, np.asarray(image.convert("RGB"))
    except UnknownImageError:
        raise BadFileError(path, "is not a PNG file") from None
    except (OSError, InputError) as error:
        raise BadFileError(path, f"cannot be read, it may be cut off or damaged: {_fault(path, error)}") from error
    if _PNG_END not in data:
        raise BadFileError(path, "cannot be read, it may be cut off or damaged: it has no end")
    if mode not in ("RGB", "RGBA", "P"):
        raise BadFileError(path, f"is a picture of mode {mode}, expected 8-bit RGB")
    return picture


def _fault(path: Path, error: Exception) -> str:
    return str(error).removeprefix(f"{path} ")


def picture_size(path: Path) -> tuple[int, int] | None:
    """(height, width) by the head of a PNG; None if the file is missing or not a PNG."""
    try:
        with path.open("rb") as file:
            signature, width, height = _PNG_HEAD.unpack(file.read(_PNG_HEAD.size))
    except (OSError, struct.error):
        return None
    return (height, width) if signature == b"\x89PNG\r\n\x1a\n" else None


def read_label_maps(path: Path, count: int) -> np.ndarray:
    """Read `count` label maps from an .npy file, uint8 (count, H, W); anything else raises BadFileError."""
    try:
        mapped = open_npy(path)
    except InputError as error:
        raise BadFileError(path, _fault(path, error)) from error
    if mapped.dtype != np.uint8 or mapped.ndim != 3:
        found = f"{mapped.dtype} of shape {mapped.shape}"
        raise BadFileError(path, f"holds {found}, expected uint8 of shape ({count}, height, width)")
    if len(mapped) != count:
        raise BadFileError(path, f"holds {len(mapped)} masks, expected {count}, one for every image")
    labels = np.array(mapped)
    if labels.size and labels.max() >= VFP_CLASSES:
        raise BadFileError(path, f"holds the class id {labels.max()}, expected 0 to {VFP_CLASSES - 1}")
    return labels
