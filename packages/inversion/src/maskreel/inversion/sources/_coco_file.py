"""What stands in a JSON file of COCO: checked entries, images in order, segmentations as masks."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import numpy as np
import torch

from maskreel.common import masks as mask_tools
from maskreel.common.errors import InputError
from maskreel.common.json_file import read_json
from maskreel.common.limits import MAX_PIXELS

_DIGITS = 4000
"""Python refuses to make a number of more."""

CocoOrder = Literal["name", "id"]

_WHOLE = ("id", "image_id", "category_id", "track_id", "height", "width")
_NEEDED = {"images": ("id", "height", "width", "file_name"), "annotations": ("image_id",), "categories": ("id", "name")}


def load_coco(path: Path) -> dict[str, list[dict[str, Any]]]:
    """The images, annotations and categories of a file, each with what it needs."""
    data = read_json(path)
    if not isinstance(data, dict) or not all(isinstance(data.get(key), list) for key in ("images", "annotations")):
        raise InputError(f"{path} is not an instance file of COCO, expected lists named images and annotations")
    entries = {key: data.get(key) or [] for key in _NEEDED}
    if not isinstance(entries["categories"], list):
        raise InputError(f"{path} is not an instance file of COCO, expected a list named categories")
    for key, names in _NEEDED.items():
        for place, entry in enumerate(entries[key]):
            if missing := [name for name in names if not isinstance(entry, dict) or name not in entry]:
                raise InputError(f"{path} has no {missing[0]} in entry {place} of its {key}")
            if wrong := _wrong_value(entry, key):
                raise InputError(f"{path} has {wrong} in entry {place} of its {key}")
    return entries


def _wrong_value(entry: dict[str, Any], key: str) -> str | None:
    """What a value that must be a whole number or a path inside the data set is instead; None where all is well."""
    for name in _WHOLE:
        if entry.get(name) is not None and not isinstance(entry[name], int):
            return f"a {name} that is no whole number"
    if key == "images":
        height, width, file = entry["height"], entry["width"], entry["file_name"]
        if not (height and width) or min(height, width) < 1 or height * width > MAX_PIXELS:
            return f"a size of {width}x{height} pixels, expected 1x1 to {MAX_PIXELS} pixels in all,"
        if not isinstance(file, str) or PurePosixPath(file).is_absolute() or ".." in PurePosixPath(file).parts:
            return f"a file_name that leads out of its folder, {file!r},"
    return None


def ordered_images(
    path: Path, images: list[dict[str, Any]], order: CocoOrder, sequence: str | None
) -> list[dict[str, Any]]:
    """The images in one folder, or all, as frames."""
    folders = {PurePosixPath(image["file_name"]).parent.name for image in images}
    if sequence is not None:
        images = [image for image in images if PurePosixPath(image["file_name"]).parent.name == sequence]
    if not images:
        known = ", ".join(sorted(folders - {""})) or "no folders"
        raise InputError(f"{path} names no image" + (f" in {sequence!r}, only in {known}" if sequence else ""))
    return sorted(images, key=lambda image: _natural(image["file_name"]) if order == "name" else image["id"])


def decode_segmentation(segmentation: object, size: tuple[int, int]) -> torch.Tensor:
    """bool (H, W) from polygons or RLE, compressed or not; ValueError or TypeError for anything else."""
    if isinstance(segmentation, dict):
        mask = mask_tools.decode_rle(segmentation)
        if tuple(mask.shape) != size:
            raise ValueError(f"it is {mask.shape[1]}x{mask.shape[0]} pixels, expected {size[1]}x{size[0]}")
        return mask
    if not isinstance(segmentation, list):
        raise TypeError(f"segmentation must be polygons or RLE, got {type(segmentation).__name__}")
    mask = torch.zeros(size, dtype=torch.bool)
    for polygon in segmentation:
        numbers = np.asarray(polygon, dtype=np.float64)
        if numbers.ndim != 1 or len(numbers) % 2:
            raise ValueError("a polygon must be a list x0, y0, x1, y1, ...")
        mask |= mask_tools.rasterise_polygon(numbers.reshape(-1, 2), size)
    return mask


def _natural(name: str) -> list[tuple[bool, int, str]]:
    """Sorts "2.png" before "10.png"."""
    parts = re.split(r"(\d+)", name)
    return [(True, int(part), "") if part.isdecimal() and len(part) < _DIGITS else (False, 0, part) for part in parts]
