"""Masks from a folder of PNG files, one PNG file, a mask video, or an array."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import torch

from maskreel.common import masks as mask_tools
from maskreel.common import video
from maskreel.common.array_file import open_npy
from maskreel.common.errors import InputError
from maskreel.common.image_file import open_image
from maskreel.inversion.sources._classes import coco_class, known_sequence
from maskreel.inversion.sources._label_maps import LabelMapSequence
from maskreel.inversion.sources._stack import MaskStack

if TYPE_CHECKING:
    from collections.abc import Callable
    from fractions import Fraction
    from pathlib import Path

    from maskreel.common.masks import PngKind
    from maskreel.inversion.sources._sequence import MaskSequence

_VIDEO_CHUNK = 16
"""Frames of a mask video that are decoded together, so that taking one after the other is quick."""


def png_folder(folder: Path, *, fps: Fraction, kind: PngKind = "auto", binary: bool = False) -> LabelMapSequence:
    """A folder 00000.png, 00001.png, ...: palette pictures are label maps, grey ones one object.

    A folder that has the name of a DAVIS sequence takes its classes. `binary` takes all objects as one.
    """
    video.probe(folder)  # names gaps and files of another size
    files = sorted((file for file in folder.iterdir() if _is_png(file)), key=_number)
    if not files:
        raise InputError(f"{folder} holds no PNG files, expected one mask per frame: 00000.png, 00001.png, ...")
    as_labels = not binary and _are_labels(files[0], kind)
    read = _label_reader(files) if as_labels else _binary_reader(folder, kind)
    return LabelMapSequence(folder, folder.name, fps, len(files), read, _davis_classes(folder.name))


def png_file(path: Path, *, fps: Fraction, kind: PngKind = "auto") -> LabelMapSequence:
    """One PNG file is a sequence of one frame."""

    def read(_: int) -> torch.Tensor:
        if _are_labels(path, kind):
            return mask_tools.read_label_png(path)
        return mask_tools.read_binary_png(path, kind=kind).to(torch.uint8)

    return LabelMapSequence(path, path.stem, fps, 1, read)


def mask_video(path: Path) -> LabelMapSequence:
    """A video in which one object is brighter than half."""
    info = video.probe(path)
    count = info.frame_count or sum(len(part) for part in mask_tools.iterate_masks(path))

    @lru_cache(maxsize=1)
    def chunk(first: int) -> torch.Tensor:
        return mask_tools.read_masks(path, start=first, stop=min(first + _VIDEO_CHUNK, count)).to(torch.uint8)

    def read(index: int) -> torch.Tensor:
        place = index % _VIDEO_CHUNK
        masks = chunk(index - place)
        if place >= len(masks):
            raise InputError(f"{path} ends before frame {index}, expected {count} frames")
        return masks[place]

    return LabelMapSequence(path, path.stem, info.fps, count, read)


def array_file(path: Path, *, fps: Fraction) -> MaskSequence:
    """An .npy file: label maps (T, H, W) or (H, W) of whole numbers, or bool (T, H, W), (T, N, H, W)."""
    array = open_npy(path)
    if array.ndim == 2:
        array = array[None]
    if array.ndim == 4 and array.dtype == bool and 0 not in array.shape:
        return MaskStack(path, path.stem, fps, array)
    if array.ndim != 3 or array.dtype.kind not in "bui" or 0 in array.shape:
        raise InputError(
            f"{path} holds {array.dtype} {array.shape}, expected label maps (T, H, W) of whole numbers "
            "or bool masks (T, N, H, W)"
        )
    return LabelMapSequence(path, path.stem, fps, len(array), lambda index: _labels(path, array[index], index))


def _labels(path: Path, values: np.ndarray, index: int) -> torch.Tensor:
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > mask_tools.VOID:
        raise InputError(f"{path} holds labels from {low} to {high} in frame {index}, expected 0 to {mask_tools.VOID}")
    return torch.from_numpy(values.astype(np.uint8))


def _label_reader(files: list[Path]) -> Callable[[int], torch.Tensor]:
    return lambda index: mask_tools.read_label_png(files[index])


def _binary_reader(folder: Path, kind: PngKind) -> Callable[[int], torch.Tensor]:
    def read(index: int) -> torch.Tensor:
        return mask_tools.read_masks(folder, start=index, stop=index + 1, kind=kind)[0].to(torch.uint8)

    return read


def _davis_classes(name: str) -> Callable[[int], str | None]:
    if not known_sequence(name) or name == "train":  # "train" is as often the name of a split
        return lambda _: None
    return lambda number: coco_class(name, number)


def _are_labels(file: Path, kind: PngKind) -> bool:
    """Whether the numbers in a PNG are labels: told, or by colours in its palette."""
    if kind != "auto":
        return kind == "labels"
    try:
        with open_image(file, formats=["PNG"]) as image:
            palette = image.getpalette("RGB") if image.mode == "P" else None
    except InputError:
        return False  # reading it will say what is wrong
    colours = np.array(palette or [0, 0, 0]).reshape(-1, 3)
    return bool((colours != colours[:, :1]).any())


def _is_png(file: Path) -> bool:
    return file.suffix.lower() == ".png" and not file.name.startswith(".")


def _number(file: Path) -> int:
    digits = file.stem[len(file.stem.rstrip("0123456789")) :]
    return int(digits)
