"""What an animation is made of: the source's picture, and the driving frames as a stream."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from maskreel.animate.motion import MotionTemplate, load_motion
from maskreel.animate.picture_file import read_picture
from maskreel.common.video import Clip, VideoInfo, iterate, probe, read

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch

__all__ = ["Driving", "Inputs", "Picture", "open_driving", "read_source"]

_FPS = Fraction(25)


@dataclass(frozen=True)
class Inputs:
    """What a person named."""

    source: Path
    driving: Path
    background: str | None = None
    """A file, a colour or a word that `open_backdrop` knows."""
    background_mask: Path | None = None

    @property
    def files(self) -> dict[str, Path]:
        """Those that are files or folders."""
        background = None if self.background is None else Path(self.background)
        named = {
            "source": self.source,
            "driving": self.driving,
            "background": background,
            "background_mask": self.background_mask,
        }
        return {name: path for name, path in named.items() if path is not None and path.exists()}


@dataclass(frozen=True)
class Picture:
    """One picture."""

    pixels: torch.Tensor
    """uint8 (3, H, W)."""
    pixel_aspect: Fraction = Fraction(1)
    """Width of a pixel divided by its height."""


def read_source(path: Path) -> Picture:
    """An image, upright and on white where it is transparent, or the first frame of a video, GIF or folder.

    Raises:
        InputError: there is neither.
    """
    pixels = read_picture(path)
    if pixels is not None:
        return Picture(pixels)
    info = probe(path)
    return Picture(read(path, stop=1).frames[0], info.sample_aspect_ratio)


@dataclass(frozen=True)
class Driving:
    """Driving frames: of a video, GIF or folder, or one image; or a saved motion. They are read as they are needed."""

    info: VideoInfo
    count: int
    """Number of frames."""
    picture: torch.Tensor | None = None
    """The frame of an image: uint8 (3, H, W)."""
    motion: MotionTemplate | None = None
    """A saved motion, which has masks, but no frames and no sound."""

    def clips(self, chunk: int, start: int = 0, stop: int | None = None) -> Iterator[Clip]:
        """The frames from `start` on, at most `chunk` at a time."""
        if self.picture is not None:
            return iter((Clip(self.picture[None], self.info.fps),))
        return iterate(self.info.path, chunk=chunk, start=start, stop=self.count if stop is None else stop)

    def frame(self, index: int) -> torch.Tensor:
        """uint8 (3, H, W)."""
        if self.picture is not None:
            return self.picture
        return read(self.info.path, start=index, stop=index + 1).frames[0]

    @property
    def sound(self) -> Path | None:
        """The file whose sound and subtitles belong to the result."""
        silent = self.picture is not None or self.motion is not None or self.info.path.is_dir()
        return None if silent else self.info.path


def open_driving(path: Path, *, seconds: float | None = None) -> Driving:
    """The driving frames, or those of the first seconds; a saved motion is told by its suffix .npz.

    Raises:
        InputError: there are none, or the file cannot be read.
    """
    if path.suffix.lower() == ".npz":
        motion = load_motion(path)
        return Driving(_info_of_motion(motion), _within(seconds, motion.frame_count, motion.fps), motion=motion)
    pixels = read_picture(path)
    if pixels is not None:
        return Driving(_info_of_image(path, pixels), 1, pixels)
    info = probe(path)
    # raw .h264, for example, has to be decoded to be counted
    count = sum(len(clip) for clip in iterate(path)) if info.frame_count is None else info.frame_count
    return Driving(info, _within(seconds, count, info.fps))


def _within(seconds: float | None, count: int, fps: Fraction) -> int:
    """How many of the frames are shown in the first seconds."""
    return count if seconds is None else min(count, max(1, round(seconds * float(fps))))


def _info_of_motion(motion: MotionTemplate) -> VideoInfo:
    return VideoInfo(
        path=motion.path,
        size=motion.size,
        fps=motion.fps,
        frame_count=motion.frame_count,
        duration=motion.frame_count / motion.fps,
        start=Fraction(0) if motion.times is None else motion.times[0],
        variable_frame_rate=motion.times is not None,
        time_base=1 / motion.fps if motion.time_base is None else motion.time_base,
        codec="npz",
        pixel_format="gray",
    )


def _info_of_image(path: Path, pixels: torch.Tensor) -> VideoInfo:
    return VideoInfo(
        path=path,
        size=(pixels.shape[1], pixels.shape[2]),
        fps=_FPS,
        frame_count=1,
        duration=1 / _FPS,
        start=Fraction(0),
        variable_frame_rate=False,
        time_base=1 / _FPS,
        codec=path.suffix.lower().lstrip("."),
        pixel_format="rgb24",
    )
