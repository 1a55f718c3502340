"""Pictures of one's own: folders of images and videos."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import ImageOps

from maskreel.common.array_file import open_npy
from maskreel.common.atomic import atomic_path
from maskreel.common.errors import InputError
from maskreel.common.image_file import open_image
from maskreel.common.video import IMAGE_SUFFIXES, VIDEO_SUFFIXES, iterate, probe
from maskreel.inpaint.generator._pool import StoredImage

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

__all__ = ["images_of"]

_SHORTER_SIDE = 288
_FRAMES = 12


def images_of(
    folder: str | os.PathLike[str], cache: str | os.PathLike[str], *, progress: Callable[[int], object] | None = None
) -> list[StoredImage]:
    """Images, and some frames of every video, of a folder and all folders in it; hidden files are left out.

    They are stored in `cache` with a shorter side of 288 px or less, once; what changed since is stored anew.

    Raises:
        InputError: `folder` is no folder or holds neither images nor videos, or one of them cannot be read.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder, expected one that holds images or videos")
    paths = sorted(path for path in folder.rglob("*") if _is_material(path.relative_to(folder)))
    if not paths:
        raise InputError(f"{folder} holds no images ({', '.join(sorted(IMAGE_SUFFIXES))}) and no videos")
    images = []
    for path in paths:
        images += _stored(path, Path(cache))
        if progress is not None:
            progress(1)
    return images


def _is_material(path: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.parts)
    return not hidden and path.suffix.lower() in IMAGE_SUFFIXES | VIDEO_SUFFIXES


def _stored(path: Path, cache: Path) -> list[StoredImage]:
    key = hashlib.sha256(f"{path.resolve()} {path.stat().st_mtime_ns} {path.stat().st_size}".encode()).hexdigest()[:16]
    file = cache / f"{key}.npy"
    if not file.is_file():
        pictures = np.stack([_small(picture) for picture in _pictures(path)])
        with atomic_path(file) as scratch, scratch.open("wb") as stream:
            np.save(stream, pictures)
    return [StoredImage(file, "given", index) for index in range(len(open_npy(file)))]


def _pictures(path: Path) -> list[np.ndarray]:
    """uint8 (H, W, 3), RGB."""
    if path.suffix.lower() in VIDEO_SUFFIXES:
        return _frames(path)
    with open_image(path, kind="an image") as image:
        return [np.array(ImageOps.exif_transpose(image.convert("RGB") if image.mode != "RGB" else image))]


def _frames(path: Path) -> list[np.ndarray]:
    step = max(1, (probe(path).frame_count or _FRAMES) // _FRAMES)
    kept = []
    for number, clip in enumerate(iterate(path, chunk=1)):
        if number % step == 0:
            kept.append(clip.numpy()[0].copy())
        if len(kept) == _FRAMES:
            break
    return kept


def _small(picture: np.ndarray) -> np.ndarray:
    height, width = picture.shape[:2]
    scale = _SHORTER_SIDE / min(height, width)
    if scale >= 1:
        return picture
    return cv2.resize(picture, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
