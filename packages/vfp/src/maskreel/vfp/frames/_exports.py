"""Predicted frames as files: one array of all clips, images, animations, videos, strips with error maps."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch

from maskreel.common import video
from maskreel.common.atomic import atomic_path
from maskreel.common.errors import InputError
from maskreel.common.show import save_animation, save_image
from maskreel.vfp.data._new_array import new_array
from maskreel.vfp.frames._pictures import frame_strip
from maskreel.vfp.frames._predictor import to_pixels
from maskreel.vfp.timeline import FRAMES

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator
    from fractions import Fraction
    from pathlib import Path

    from maskreel.vfp.frames._config import Export

__all__ = ["PredictedClip", "array_file", "export_clip"]


@dataclass(frozen=True)
class PredictedClip:
    """A clip and what was predicted of it."""

    name: str
    observed: torch.Tensor
    """uint8 (11, 3, H, W)."""
    future: torch.Tensor
    """float32 (n, 3, H, W), the frames up to 22; it may lie outside [0, 1]."""
    fps: Fraction
    truth: torch.Tensor | None = None
    """uint8 (n, 3, H, W)."""

    @property
    def pixels(self) -> torch.Tensor:
        """The future as uint8, clipped."""
        return to_pixels(self.future)


def export_clip(clip: PredictedClip, folder: Path, formats: tuple[Export, ...]) -> None:
    """Write the files of one clip: NAME/image_11.png and so on as in the data set, NAME.gif, NAME.mp4, NAME_strip.png.

    Animations and videos begin with the observed frames. "npy" is for `array_file`.
    """
    pixels = clip.pixels
    whole = video.Clip(torch.cat([clip.observed, pixels]), clip.fps)
    if "png" in formats:
        for time, frame in enumerate(pixels, start=FRAMES - len(pixels)):
            save_image(folder / clip.name / f"image_{time}.png", frame)
    if "gif" in formats:
        save_animation(folder / f"{clip.name}.gif", whole)
    if "mp4" in formats:
        video.write(folder / f"{clip.name}.mp4", whole)
    if "strip" in formats:
        save_image(folder / f"{clip.name}_strip.png", frame_strip(clip.observed, pixels, clip.truth))


@contextmanager
def array_file(
    path: str | os.PathLike[str], clips: int, dtype: Literal["uint8", "float32"]
) -> Iterator[Callable[[PredictedClip], None]]:
    """Yield what adds a clip to one .npy file, (N, n, 3, H, W), that appears when the block ends well.

    Args:
        path: The file.
        clips: N; all of them must be added.
        dtype: uint8, or float32 in [0, 1]; both are clipped.

    Raises:
        InputError: A clip has another size than those before it.
        ValueError: Fewer clips were added.
    """
    with atomic_path(path) as scratch:
        array = _GrowingArray(scratch, clips, np.dtype(dtype))
        yield array.add
        array.finish()


class _GrowingArray:
    def __init__(self, path: Path, clips: int, dtype: np.dtype) -> None:
        self._path, self._clips, self._dtype = path, clips, dtype
        self._values: np.memmap | None = None
        self._written = 0

    def add(self, clip: PredictedClip) -> None:
        frames = (clip.pixels if self._dtype == np.uint8 else clip.future.clamp(0, 1)).numpy()
        if self._values is None:
            self._values = new_array(self._path, self._dtype, (self._clips, *frames.shape))
        if frames.shape != self._values.shape[1:]:
            height, width = self._values.shape[-2:]
            raise InputError(
                f"{clip.name} has frames of {frames.shape[-1]}x{frames.shape[-2]} pixels, expected {width}x{height} "
                "like the clips before it, because one .npy array holds them all; write other formats, or scale"
            )
        self._values[self._written] = frames
        self._written += 1

    def finish(self) -> None:
        if self._values is None or self._written != self._clips:
            raise ValueError(f"clips must be {self._clips}, got {self._written}")
        self._values.flush()
