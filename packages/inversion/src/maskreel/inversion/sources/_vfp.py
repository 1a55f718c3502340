"""Masks of the vfp data set: the classes are the objects."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING

from maskreel.common.datasets import VfpFolder, VfpSequence, VfpSplit, holds_videos
from maskreel.common.errors import InputError
from maskreel.common.video import Clip
from maskreel.common.world import OBJECT_CLASSES
from maskreel.inversion.sources._label_maps import LabelMapSequence

if TYPE_CHECKING:
    from pathlib import Path

    import torch

VFP_FPS = Fraction(128, 25)
"""Every fifth of the 25.6 frames per second of CLEVRER (Yi et al., ICLR 2020), which the world renders, too."""
_ANNOTATED: tuple[VfpSplit, ...] = ("train", "val")


def is_vfp_video(folder: Path) -> bool:
    """Whether a folder looks like one annotated video."""
    return (folder / "mask.npy").is_file()


def is_vfp_root(folder: Path) -> bool:
    """Whether a folder looks like the data set, or one split of it."""
    return any((folder / split).is_dir() and holds_videos(folder / split) for split in _ANNOTATED)


def vfp_video(folder: Path, *, fps: Fraction | None = None) -> LabelMapSequence:
    """One video: a folder with image_0.png to image_21.png and mask.npy, or its half in `target`."""
    digits = re.search(r"\d+$", folder.name)
    number = int(digits[0]) if digits else 0
    if folder.parent.name == "target":
        video = VfpSequence(folder.parent.parent / "input" / folder.name, "val", number, folder)
    else:
        video = VfpSequence(folder, "val", number)
    return _sequence(video, fps or VFP_FPS)


def vfp_named(root: Path, name: str | None, *, fps: Fraction | None = None) -> LabelMapSequence:
    """A video of train or val by its name."""
    splits = [VfpFolder(root, split) for split in _ANNOTATED if (root / split).is_dir()]
    for split in splits:
        if name in split.names:
            assert name is not None
            return _sequence(split[name], fps or VFP_FPS)
    examples = ", ".join(name for split in splits for name in split.names[:3])
    raise InputError(f"{root} holds many videos, expected the name of one as sequence, such as {examples}, not {name}")


def _sequence(video: VfpSequence, fps: Fraction) -> LabelMapSequence:
    labels = _Kept(video)
    return LabelMapSequence(
        path=video.folder,
        name=video.name,
        fps=fps,
        count=video.frame_count,
        read=labels.frame,
        class_of=lambda number: str(OBJECT_CLASSES[number - 1]) if number <= len(OBJECT_CLASSES) else None,
        real=lambda start, stop: Clip(video.frames(start, stop), fps, start / fps),
    )


class _Kept:
    """All label maps of a video are one file: it is read once and kept, 22 maps."""

    def __init__(self, video: VfpSequence) -> None:
        self._video = video
        self._labels: torch.Tensor | None = None

    def frame(self, index: int) -> torch.Tensor:
        if self._labels is None:
            self._labels = self._video.labels()
        assert self._labels is not None, "train and val have label maps"
        return self._labels[index]
