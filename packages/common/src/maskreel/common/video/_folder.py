"""A folder of images, read as if it were a video."""

from __future__ import annotations

import re
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

from maskreel.common.atomic import atomic_folder
from maskreel.common.errors import InputError
from maskreel.common.image_file import open_image
from maskreel.common.video._info import ColorTags, VideoInfo
from maskreel.common.video._suffixes import IMAGE_SUFFIXES
from maskreel.common.video._timing import Timing

if TYPE_CHECKING:
    import os
    from collections.abc import Generator, Iterable, Sequence

    from maskreel.common.video._clip import Clip

DEFAULT_FPS = Fraction(25)
_FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "TIFF", "PPM")
_NUMBERED = re.compile(r"(?P<name>.*?)(?P<number>\d+)$", re.DOTALL)


class ImageFolder:
    """Images whose names end in running numbers: 00000.jpg, 00001.jpg, ... or frame5.png, frame10.png, ...

    Raises:
        InputError: no image, a missing number, an unreadable image, or one of another size; it names the file.
    """

    def __init__(self, folder: Path, fps: Fraction | None) -> None:
        self._files = _image_files(folder)
        fps = fps or DEFAULT_FPS
        size, codec = _header(self._files[0])
        for file in self._files[1:]:
            _check_size(file, _header(file)[0], size, self._files[0])
        count = len(self._files)
        self.timing = Timing(1 / fps, fps, variable=False, pts=tuple(range(count)), keys=tuple(range(count)))
        self.info = VideoInfo(
            path=folder,
            size=size,
            fps=fps,
            frame_count=count,
            duration=count / fps,
            start=Fraction(0),
            variable_frame_rate=False,
            time_base=1 / fps,
            codec=codec,
            pixel_format="rgb24",
            colors=ColorTags(matrix=0, range=2),
        )

    def frames(self, start: int, stop: int | None) -> Generator[np.ndarray]:
        """RGB uint8 (H, W, 3) of the images `start` to `stop`."""
        for file in self._files[start:stop]:
            with open_image(file, formats=_FORMATS, kind="an image") as image:
                turned = _orientation(image) != 1
                upright = ImageOps.exif_transpose(image.convert("RGB")) if turned else image.convert("RGB")
                pixels = np.asarray(upright)
            yield pixels


def _image_files(folder: Path) -> list[Path]:
    """The images in the order of their numbers."""
    files = [f for f in folder.iterdir() if f.suffix.lower() in IMAGE_SUFFIXES and not f.name.startswith(".")]
    if not files:
        raise InputError(f"{folder} holds no images; give a video file or a folder of images such as 00000.png")
    numbered: dict[int, Path] = {}
    for file in sorted(files):
        number = _number(file, files[0])
        if number in numbered:
            raise InputError(f"{file} and {numbered[number].name} have the same number; each frame needs its own")
        numbered[number] = file
    _check_gaps(sorted(numbered), numbered)
    return [numbered[number] for number in sorted(numbered)]


def _number(file: Path, other: Path) -> int:
    found, expected = _NUMBERED.fullmatch(file.stem), _NUMBERED.fullmatch(other.stem)
    if found is None:
        raise InputError(f"{file} has no running number at the end of its name; name the frames 00000.png, 00001.png")
    if expected is not None and found["name"] != expected["name"]:
        raise InputError(f"{file} and {other.name} belong to two sequences; give a folder with one sequence of images")
    return int(found["number"])


def _check_gaps(numbers: Sequence[int], files: dict[int, Path]) -> None:
    """Numbers may run in equal steps, as in data sets that keep every fifth frame, but none may be missing."""
    steps = [after - before for before, after in pairwise(numbers)]
    step = min(steps, default=1)
    for number, gap in zip(numbers, steps, strict=False):
        if gap != step:
            raise InputError(
                f"{files[number].parent} misses number {number + step}, which must follow {files[number].name}; "
                "the frames must be numbered without gaps"
            )


def _header(file: Path) -> tuple[tuple[int, int], str]:
    """(height, width) as shown, and the format; reads only the beginning of the file."""
    if file.is_file() and file.stat().st_size == 0:
        raise InputError(f"{file} is empty (0 bytes); replace it or take it out of the folder")
    with open_image(file, formats=_FORMATS, kind="an image") as image:
        if image.mode.startswith(("I", "F")):
            raise InputError(f"{file} has more than 8 bits per channel; give images with 8 bits per channel")
        lying = _orientation(image) >= 5
        size = (image.width, image.height) if lying else (image.height, image.width)
        return size, (image.format or "").lower()


def _orientation(image: Image.Image) -> int:
    """EXIF orientation, 1 (upright) to 8; from 5 on, height and width are swapped.

    Asking Pillow for the EXIF data of a PNG without any would decode the whole image.
    """
    return image.getexif().get(0x0112, 1) if "exif" in image.info or image.format == "TIFF" else 1


def _check_size(file: Path, size: tuple[int, int], expected: tuple[int, int], first: Path) -> None:
    if size != expected:
        raise InputError(
            f"{file} is {size[1]}x{size[0]}, but {first.name} is {expected[1]}x{expected[0]}; "
            "all frames must have one size"
        )


def write_frames(folder: str | os.PathLike[str], clips: Iterable[Clip]) -> None:
    """Write 8-bit RGB images 00000.png, 00001.png, ... to a new folder, which appears when all are written.

    Raises:
        InputError: the folder exists and is not empty.
        ValueError: there is no frame, or clips differ in size.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} exists already; name a new or empty folder for the images")
    with atomic_folder(folder) as scratch:
        if _write_images(scratch, clips) == 0:
            raise ValueError(f"no frame was given for {folder}; give at least one")


def _write_images(folder: Path, clips: Iterable[Clip]) -> int:
    count, size = 0, None
    for clip in clips:
        size = size or clip.size
        if clip.size != size:
            raise ValueError(f"clips must have one size, {size}, got {clip.size}")
        for pixels in clip.numpy():
            Image.fromarray(pixels).save(folder / f"{count:05d}.png", compress_level=3)
            count += 1
    return count
