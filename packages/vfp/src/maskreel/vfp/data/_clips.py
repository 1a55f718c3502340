"""`open_clips`: clips of 11 observed frames from whatever a person has."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from maskreel.common.datasets import VfpSequence, VfpSplit, VideoFolder, holds_videos, observed_videos
from maskreel.common.errors import InputError
from maskreel.common.video import IMAGE_SUFFIXES
from maskreel.vfp.data._array_frames import ArraySeries, FrameArray, open_array
from maskreel.vfp.data._clip_kinds import ArrayClips, ChainedClips, Clips, SplitClips
from maskreel.vfp.data._frame_series import VideoSeries, clips_of_series
from maskreel.vfp.data._opening import tell_left_out
from maskreel.vfp.timeline import OBSERVED

if TYPE_CHECKING:
    import os

    from maskreel.vfp.data._quarantine import Quarantine

_VIDEO = re.compile(r"video_(\d+)")


def open_clips(
    path: str | os.PathLike[str],
    *,
    stride: int | None = None,
    every: int | None = None,
    quarantine: Quarantine | str | os.PathLike[str] | None = None,
) -> Clips:
    """Clips to forecast from, without labels; pixels are read when the clips are iterated.

    What `path` may be:

    - a split of the vfp data set such as DIR/val: frames 0 to 10 of every video, in the order of their numbers;
    - one video of it such as DIR/val/video_7;
    - a video file, or a folder of numbered images: the last 11 sampled frames;
    - a folder that holds several of these;
    - an .npy array, uint8 or floats in 0 to 1: (T, 3, H, W) or (T, H, W, 3), of which the last 11 sampled frames are
      taken, or clips (N, 11, 3, H, W) or (N, 11, H, W, 3).

    Args:
        path: Where the frames are.
        stride: Frames from one sampled frame to the next; by default what is nearest to the data set's 5/25.6 s in
            video files, and 1 in images and arrays.
        every: One clip after every `every` sampled frames from the 11th on, instead of the last one alone.
        quarantine: Videos of a split to leave out, or the file that lists them.

    Raises:
        InputError: There is nothing to forecast from, fewer than 11 frames, or an option does not fit the input.
        ValueError: `stride` or `every` is below 1.
    """
    for name, value in (("stride", stride), ("every", every)):
        if value is not None and value < 1:
            raise ValueError(f"{name} must be 1 or more, got {value}")
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path} does not exist, expected a split of the data set, frames, a video or an .npy array")
    if path.is_dir() and holds_videos(path):
        _refuse_sampling(path, stride, every)
        return _split_clips(path, quarantine)
    if quarantine is not None:
        raise InputError(f"{path} is no split of the data set, so --quarantine has no meaning for it")
    return _other_clips(path, stride, every)


def _other_clips(path: Path, stride: int | None, every: int | None) -> Clips:
    if path.is_file() and path.suffix.lower() == ".npy":
        return _array_clips(open_array(path), stride, every)
    if path.is_dir() and (video := _one_video(path)):
        _refuse_sampling(path, stride, every)
        return SplitClips([video])
    if path.is_file() or _holds_images(path):
        return clips_of_series(
            path.stem if path.is_file() else path.name, VideoSeries(path), stride=stride, every=every
        )
    _refuse_root(path)
    parts = [
        clips_of_series(video.name, VideoSeries(video.path), stride=stride, every=every) for video in VideoFolder(path)
    ]
    return ChainedClips(parts)


def _split_clips(path: Path, quarantine: Quarantine | str | os.PathLike[str] | None) -> SplitClips:
    videos = observed_videos(path)
    if quarantine is None:
        return SplitClips(videos)
    left_out = tell_left_out(videos, path.name, quarantine)
    kept = [video for video in videos if video.number not in left_out]
    if not kept:
        raise InputError(f"{path} has no video left: all are in quarantine")
    return SplitClips(kept)


def _array_clips(array: FrameArray, stride: int | None, every: int | None) -> Clips:
    if not array.holds_clips:
        series = ArraySeries(array.path, array.frames)
        return clips_of_series(array.path.stem, series, stride=stride, every=every)
    _refuse_sampling(array.path, stride, every)
    return ArrayClips(array)


def _one_video(path: Path) -> VfpSequence | None:
    match = _VIDEO.fullmatch(path.resolve().name)
    is_one = match and (path / "image_0.png").exists()
    return VfpSequence(path, "hidden", int(match[1])) if match and is_one else None


def _holds_images(path: Path) -> bool:
    return any(file.suffix.lower() in IMAGE_SUFFIXES and not file.name.startswith(".") for file in path.iterdir())


def _refuse_sampling(path: Path, stride: int | None, every: int | None) -> None:
    for name, value in (("--stride", stride), ("--every", every)):
        if value is not None:
            raise InputError(f"{path} holds clips of {OBSERVED} observed frames, so {name} has no meaning for it")


def _refuse_root(path: Path) -> None:
    splits = [split for split in get_args(VfpSplit) if (path / split).is_dir() and holds_videos(path / split)]
    if splits:
        raise InputError(
            f"{path} holds the splits {', '.join(splits)}, expected one of them, such as {path / splits[0]}"
        )
