"""Blur images as a data set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from maskreel.common.datasets import LazyArray
from maskreel.common.errors import InputError
from maskreel.vfp.segmentation._blur_files import list_pictures, mask_path, picture_path, read_mask, read_picture

if TYPE_CHECKING:
    import os

__all__ = ["BlurImages"]


class BlurImages:
    """What `write_blur_images` wrote, or the published system: one clip per video, in the order of their numbers.

    `clips` are pairs of frames (T, 3, H, W) and label maps (T, H, W), read from disk when they are indexed, for
    `maskreel.common.maskrcnn.LabelledFrames`. Opening lists the folder and reads one picture.

    Args:
        folder: Holds video_0_frame_12.png, mask_video_0_frame_12.npy and so on.
        only: Times to keep, counted from 0; None: all. (21,) keeps the frame that is scored.

    Raises:
        InputError: There are no such pictures, a mask is missing, or a file cannot be read when its turn comes.
    """

    def __init__(self, folder: str | os.PathLike[str], *, only: tuple[int, ...] | None = None) -> None:
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise InputError(f"{folder} is not a folder, expected one with pictures such as video_0_frame_22.png")
        listed = list_pictures(self.folder)
        kept = {video: [n for n in frames if only is None or n in only] for video, frames in listed.items()}
        self.frames = {video: tuple(frames) for video, frames in kept.items() if frames}
        """Times, counted from 0, by the number of the video."""
        if not self.frames:
            raise InputError(f"{folder} holds no predicted frames, expected pictures such as video_0_frame_22.png")
        for video, frames in self.frames.items():
            for frame in frames:
                mask = mask_path(self.folder, video, frame)
                if not mask.is_file():
                    raise InputError(f"{mask} is missing, expected one for every picture")
        video, frames = next(iter(self.frames.items()))
        self.size = tuple(read_picture(picture_path(self.folder, video, frames[0])).shape[-2:])
        """Height and width of the first picture; all must have it."""
        self.clips = [self._clip(video) for video in self.frames]

    def __len__(self) -> int:
        """Number of videos."""
        return len(self.frames)

    def _clip(self, video: int) -> tuple[LazyArray, LazyArray]:
        frames = self.frames[video]

        def pictures(start: int, stop: int) -> torch.Tensor:
            paths = [picture_path(self.folder, video, frame) for frame in frames[start:stop]]
            return torch.stack([self._checked(read_picture(path), path) for path in paths])

        def masks(start: int, stop: int) -> torch.Tensor:
            paths = [mask_path(self.folder, video, frame) for frame in frames[start:stop]]
            return torch.stack([self._checked(read_mask(path), path) for path in paths])

        count = len(frames)
        return LazyArray(pictures, (count, 3, *self.size)), LazyArray(masks, (count, *self.size))

    def _checked(self, pixels: torch.Tensor, path: Path) -> torch.Tensor:
        if pixels.shape[-2:] != self.size:
            (height, width), (rows, columns) = pixels.shape[-2:], self.size
            raise InputError(f"{path} is {width}x{height}, expected {columns}x{rows} like the first picture")
        return pixels
