"""Masks and label maps as PNG files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from PIL import Image

from maskreel.common.atomic import atomic_path
from maskreel.common.errors import InputError
from maskreel.common.image_file import UnknownImageError, open_image
from maskreel.common.masks._labels import VOID, require_labels, require_masks
from maskreel.common.masks._palette import DAVIS_PALETTE

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

PngKind = Literal["auto", "labels", "grey"]

GREY_THRESHOLD = 127


def read_label_png(path: str | os.PathLike[str]) -> torch.Tensor:
    """Read the label map in a palette or grey PNG: uint8 (H, W), the numbers as stored, colours ignored.

    Raises InputError for a missing or damaged file, and for colour, transparent or 16-bit pictures.
    """
    return torch.from_numpy(_label_values(_open(Path(path)), path))


def write_label_png(
    path: str | os.PathLike[str], labels: torch.Tensor, *, palette: Sequence[tuple[int, int, int]] = DAVIS_PALETTE
) -> None:
    """Write uint8 labels (H, W) as a palette PNG, atomically; `palette` holds the RGB of labels 0, 1, 2, ..."""
    require_labels(labels)
    if labels.ndim != 2:
        raise ValueError(f"labels must have shape (H, W), got {tuple(labels.shape)}")
    if not int(labels.max()) < len(palette) <= 256:
        raise ValueError(f"palette must hold up to 256 colours and one for label {labels.max()}, got {len(palette)}")
    image = Image.fromarray(labels.cpu().numpy())
    image.putpalette(bytes(value for colour in palette for value in colour))
    _save(image, path)


def read_binary_png(path: str | os.PathLike[str], *, kind: PngKind = "auto") -> torch.Tensor:
    """Read a mask from a PNG: bool (H, W), True on the object.

    `kind="labels"`: stored numbers are labels; the object is whatever is neither 0 nor 255 (void).
    `kind="grey"`: the object is brighter than 127 (brightest channel), so soft edges are cut in the middle.
    `kind="auto"`: a palette PNG with colours is "labels". Any other PNG is "grey", except when nothing in it is
    brighter than 127: then it holds 0/1 or other small labels, and the object is whatever is not 0. Grey label maps
    with void or large labels therefore need `kind="labels"`.

    Raises InputError for a missing or damaged file and for transparent or 16-bit pictures.
    """
    levels, is_labels = load_levels(Path(path), kind)
    return torch.from_numpy(object_pixels(levels, is_labels, threshold=grey_threshold(levels, kind)))


def write_binary_png(path: str | os.PathLike[str], mask: torch.Tensor) -> None:
    """Write a bool mask (H, W) as an 8-bit grey PNG, object 255 and background 0, atomically."""
    require_masks(mask, "mask")
    if mask.ndim != 2:
        raise ValueError(f"mask must have shape (H, W), got {tuple(mask.shape)}")
    _save(Image.fromarray(mask.cpu().numpy() * np.uint8(255)), path)


def load_levels(path: Path, kind: PngKind) -> tuple[np.ndarray, bool]:
    """Read uint8 (H, W) values and whether they are labels; grey levels are those of the brightest channel."""
    image = _open(path)
    if kind == "labels" or (kind == "auto" and image.mode == "P" and not _has_grey_palette(image)):
        return _label_values(image, path), True
    if image.mode in ("P", "1"):
        image = image.convert("RGB")
    levels = np.array(image)
    if image.mode in ("LA", "RGBA"):
        if levels[..., -1].min() < 255:
            raise InputError(f"{path} has transparent pixels, a mask must be opaque: white object on black")
        levels = levels[..., :-1]
    if levels.dtype != np.uint8:
        raise InputError(f"{path} is a picture of mode {image.mode}, a mask must have 8 bits per channel")
    return (levels if levels.ndim == 2 else levels.max(axis=2)), False


def grey_threshold(levels: np.ndarray, kind: PngKind) -> int:
    """The grey level above which a pixel belongs to the object, for a picture (or folder) with these levels."""
    return GREY_THRESHOLD if kind == "grey" or levels.max() > GREY_THRESHOLD else 0


def object_pixels(levels: np.ndarray, is_labels: bool, *, threshold: int) -> np.ndarray:
    """Turn values from `load_levels` into a bool (H, W) mask."""
    return (levels != 0) & (levels != VOID) if is_labels else levels > threshold


def _open(path: Path) -> Image.Image:
    try:
        with open_image(path, formats=["PNG"], kind="a PNG file") as image:
            image.load()
            return image
    except UnknownImageError:
        raise InputError(f"{path} is not a PNG file, and other formats do not keep the exact values of masks") from None


def _label_values(image: Image.Image, path: str | os.PathLike[str]) -> np.ndarray:
    if image.mode not in ("P", "L", "1"):
        raise InputError(f"{path} is a picture of mode {image.mode}, a label map must be a palette or 8-bit grey PNG")
    return np.array(image.convert("L") if image.mode == "1" else image)


def _has_grey_palette(image: Image.Image) -> bool:
    # Some tools save black-and-white pictures with a palette; the colours tell them from label maps.
    palette = np.array(image.getpalette("RGB")).reshape(-1, 3)
    return bool((palette == palette[:, :1]).all())


def _save(image: Image.Image, path: str | os.PathLike[str]) -> None:
    with atomic_path(path) as scratch:
        image.save(scratch, format="PNG")
