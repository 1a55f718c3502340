"""The layout of blur images: predicted frames as pictures, each with the true mask of its time.

`video_7_frame_22.png` and `mask_video_7_frame_22.npy` belong to video 7; frames are counted from 1, so 22 is the last.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image

from maskreel.common.array_file import open_npy
from maskreel.common.atomic import atomic_path
from maskreel.common.errors import InputError
from maskreel.common.image_file import open_image

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["is_written", "list_pictures", "mask_path", "picture_path", "read_mask", "read_picture", "write_video"]

_PICTURE = re.compile(r"video_(\d+)_frame_(\d+)\.png")


def picture_path(folder: Path, video: int, frame: int) -> Path:
    """`frame` is counted from 0, as everywhere in the code."""
    return folder / f"video_{video}_frame_{frame + 1}.png"


def mask_path(folder: Path, video: int, frame: int) -> Path:
    return folder / f"mask_video_{video}_frame_{frame + 1}.npy"


def list_pictures(folder: Path) -> dict[int, list[int]]:
    """Frames (from 0) by video, both in the order of their numbers; other files are passed over."""
    found: dict[int, list[int]] = defaultdict(list)
    for match in filter(None, (_PICTURE.fullmatch(entry.name) for entry in folder.iterdir())):
        found[int(match[1])].append(int(match[2]) - 1)
    return {video: sorted(found[video]) for video in sorted(found)}


def write_video(folder: Path, video: int, first: int, frames: torch.Tensor, labels: torch.Tensor) -> None:
    """Write predicted frames, uint8 (T, 3, H, W), and masks, uint8 (T, H, W), of the times `first`, `first` + 1, ...

    Every file appears when it is whole, a picture after its mask.
    """
    for offset, (picture, mask) in enumerate(zip(frames, labels, strict=True)):
        with atomic_path(mask_path(folder, video, first + offset)) as scratch, scratch.open("wb") as stream:
            np.save(stream, mask.numpy())
        with atomic_path(picture_path(folder, video, first + offset)) as scratch:
            Image.fromarray(picture.permute(1, 2, 0).contiguous().numpy()).save(scratch)


def is_written(folder: Path, video: int, frames: Iterable[int]) -> bool:
    """Whether all of these frames of a video are there."""
    return all(picture_path(folder, video, n).is_file() and mask_path(folder, video, n).is_file() for n in frames)


def read_picture(path: Path) -> torch.Tensor:
    """uint8 (3, H, W) RGB."""
    with open_image(path, formats=["PNG"], kind="a PNG picture") as image:
        pixels = np.array(image.convert("RGB"))
    return torch.from_numpy(pixels).permute(2, 0, 1)


def read_mask(path: Path) -> torch.Tensor:
    """uint8 (H, W)."""
    labels = open_npy(path, kind="a mask, uint8 (height, width) in an .npy file")
    if labels.dtype != np.uint8 or labels.ndim != 2:
        raise InputError(f"{path} holds {labels.dtype} of shape {labels.shape}, expected uint8 (height, width)")
    return torch.from_numpy(np.array(labels))
