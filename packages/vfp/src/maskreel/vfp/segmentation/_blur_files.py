"""The layout of blur images: predicted frames as pictures, each with the true mask of its time.

`video_7_frame_22.png` and `mask_video_7_frame_22.npy` belong to video 7; frames are counted from 1, so 22 is the last.
`seen_video_7.json`, which the published system does not have, lists the classes that its observed frames show.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image

from maskreel.common.atomic import atomic_path, write_json
from maskreel.common.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = [
    "is_written",
    "list_pictures",
    "mask_path",
    "picture_path",
    "read_mask",
    "read_picture",
    "read_seen",
    "seen_path",
    "write_video",
]

_PICTURE = re.compile(r"video_(\d+)_frame_(\d+)\.png")


def picture_path(folder: Path, video: int, frame: int) -> Path:
    """`frame` is counted from 0, as everywhere in the code."""
    return folder / f"video_{video}_frame_{frame + 1}.png"


def mask_path(folder: Path, video: int, frame: int) -> Path:
    return folder / f"mask_video_{video}_frame_{frame + 1}.npy"


def seen_path(folder: Path, video: int) -> Path:
    return folder / f"seen_video_{video}.json"


def list_pictures(folder: Path) -> dict[int, list[int]]:
    """Frames (from 0) by video, both in the order of their numbers; other files are passed over."""
    found: dict[int, list[int]] = defaultdict(list)
    for match in filter(None, (_PICTURE.fullmatch(entry.name) for entry in folder.iterdir())):
        found[int(match[1])].append(int(match[2]) - 1)
    return {video: sorted(found[video]) for video in sorted(found)}


def write_video(
    folder: Path, video: int, first: int, frames: torch.Tensor, labels: torch.Tensor, seen: Iterable[int]
) -> None:
    """Write predicted frames, uint8 (T, 3, H, W), and masks, uint8 (T, H, W), of the times `first`, `first` + 1, ...

    Every file appears when it is whole, a picture after its mask.
    """
    write_json(seen_path(folder, video), list(seen))
    for offset, (picture, mask) in enumerate(zip(frames, labels, strict=True)):
        with atomic_path(mask_path(folder, video, first + offset)) as scratch, scratch.open("wb") as stream:
            np.save(stream, mask.numpy())
        with atomic_path(picture_path(folder, video, first + offset)) as scratch:
            Image.fromarray(picture.permute(1, 2, 0).contiguous().numpy()).save(scratch)


def is_written(folder: Path, video: int, frames: Iterable[int]) -> bool:
    """Whether all of these frames of a video are there."""
    return seen_path(folder, video).is_file() and all(
        picture_path(folder, video, n).is_file() and mask_path(folder, video, n).is_file() for n in frames
    )


def read_picture(path: Path) -> torch.Tensor:
    """uint8 (3, H, W) RGB."""
    try:
        with Image.open(path, formats=["PNG"]) as image:
            pixels = np.array(image.convert("RGB"))
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(f"{path} cannot be read as a PNG picture: {error}") from error
    return torch.from_numpy(pixels).permute(2, 0, 1)


def read_seen(path: Path) -> tuple[int, ...] | None:
    """Class ids; None if there is no such file."""
    if not path.is_file():
        return None
    try:
        ids = json.loads(path.read_text())
    except ValueError as error:
        raise InputError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(ids, list) or not all(type(label) is int for label in ids):
        raise InputError(f"{path} must hold a list of class ids, such as [1, 17]")
    return tuple(ids)


def read_mask(path: Path) -> torch.Tensor:
    """uint8 (H, W)."""
    try:
        labels = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{path} cannot be read as a mask, uint8 (height, width) in an .npy file: {error}") from error
    if labels.dtype != np.uint8 or labels.ndim != 2:
        raise InputError(f"{path} holds {labels.dtype} of shape {labels.shape}, expected uint8 (height, width)")
    return torch.from_numpy(labels)
