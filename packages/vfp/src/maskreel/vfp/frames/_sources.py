"""What frame predictors are trained on: splits of the vfp data set, folders of videos, arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from maskreel.common.array_file import open_npy
from maskreel.common.datasets import VfpSplit, VideoFolder, holds_videos
from maskreel.common.errors import InputError
from maskreel.vfp.data import open_split
from maskreel.vfp.frames._cache import cached_clips
from maskreel.vfp.timeline import OBSERVED

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import torch

    from maskreel.common.datasets import VfpSequence, VideoSequence
    from maskreel.vfp.frames._config import SourceConfig
    from maskreel.vfp.frames._frames import Frames

__all__ = ["ClipOnDisk", "held_out_of", "open_training_clips"]


@dataclass(frozen=True)
class ClipOnDisk:
    """Frames uint8 (T, 3, H, W) that are decoded whenever they are asked for; a slice is decoded in one go."""

    name: str
    """Which version of which clip it is: its path with the time of its last change."""
    read: Callable[[int, int], torch.Tensor]
    shape: tuple[int, ...]

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: int | slice) -> np.ndarray:
        if isinstance(index, int):
            place = range(len(self))[index]
            return self.read(place, place + 1).numpy()[0]
        places = range(len(self))[index]
        if not places:
            return np.empty((0, *self.shape[1:]), np.uint8)
        first, last = min(places[0], places[-1]), max(places[0], places[-1])
        return self.read(first, last + 1).numpy()[[place - first for place in places]]


def open_training_clips(path: Path, config: SourceConfig, cache: Path) -> Sequence[Frames]:
    """The clips at a path; nothing is decoded yet, unless they are to be held in memory.

    Args:
        path: A split of the vfp data set such as DIR/train; the folder DIR of such a data set, of which it is train; a
            folder of videos or of folders of frames; or an array, uint8 (N, T, 3, H, W), in a .npy file.
        config: What to leave out, and where to keep what is decoded.
        cache: The folder for decoded clips.

    Raises:
        InputError: There is no such thing, or it holds too little.
    """
    if path.suffix == ".npy":
        return _array(path)
    clips = _on_disk(path / "train" if (path / "train").is_dir() else path, config)
    if config.decoded == "disk":
        return cached_clips(clips, [clip.name for clip in clips], cache)
    return [clip[:] for clip in clips] if config.decoded == "memory" else clips


def held_out_of(path: Path) -> Path | None:
    """The val split that stands beside a train split, if there is one."""
    root = path.parent if path.name == "train" else path
    return root / "val" if (root / "train").is_dir() and (root / "val").is_dir() else None


def _on_disk(path: Path, config: SourceConfig) -> list[ClipOnDisk]:
    if path.name in get_args(VfpSplit) and holds_videos(path):
        split: Any = path.name
        videos = open_split(path.parent, split, quarantine=config.quarantine, skip_bad=config.skip_bad)
        return [_of_sequence(video) for video in videos]
    return [_of_video(video) for video in VideoFolder(path)]


def _array(path: Path) -> list[np.ndarray]:
    clips = open_npy(path)
    if clips.dtype != np.uint8 or clips.ndim != 5 or clips.shape[2] != 3 or clips.shape[1] <= OBSERVED:
        raise InputError(
            f"{path} holds {clips.dtype} of shape {clips.shape}, expected clips as uint8 (N, T, 3, H, W), "
            f"T {OBSERVED + 1} or more"
        )
    return list(clips)


def _of_sequence(video: VfpSequence) -> ClipOnDisk:
    first = video.folder / "image_0.png"
    stamp = first.stat().st_mtime_ns if first.exists() else 0
    return ClipOnDisk(f"{video.folder.absolute()}:{stamp}", video.frames, (video.frame_count, 3, *video.size))


def _of_video(video: VideoSequence) -> ClipOnDisk:
    info = video.info
    count = len(video.clip()) if info.frame_count is None else info.frame_count
    name = f"{video.path.absolute()}:{video.path.stat().st_mtime_ns}"
    return ClipOnDisk(name, lambda start, stop: video.clip(start, stop).frames, (count, 3, *info.size))
