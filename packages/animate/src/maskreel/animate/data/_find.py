"""Which videos a path holds, and which of them are held out."""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from maskreel.animate.data._clip_path import ClipPath, bare_name
from maskreel.animate.data._side_by_side import is_side_by_side
from maskreel.common.errors import InputError
from maskreel.common.video import IMAGE_SUFFIXES, VIDEO_SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Split = Literal["train", "test"]

_MASKS = "masks"
_HELD_OUT = 0.2


def find_clips(root: str | os.PathLike[str], split: Split, *, seed: int = 0) -> list[ClipPath]:
    """The videos of a data set in the order of their names.

    `root` is one of:
    - a folder with the folders `train` and `test` (the published layout): what is in the one that is asked for;
    - any other folder: all videos in it, at any depth; a fifth of them, drawn by `seed`, is "test". All videos of one
      identity (the name up to "#") go to the same side, unless there is only one identity;
    - one video file or folder of frames: its last fifth is "test", the rest "train".

    Videos are video files (by suffix), folders of frames (images and neither videos nor folders in it), and PNG files
    that hold three or more square frames side by side. Masks are found beside a video, in a folder `masks`, under the
    video's name without suffix; such folders are not searched for videos. Hidden files are left out.

    Raises:
        InputError: `root` is missing, holds no video, or holds `train` but not `test`.
    """
    if split not in ("train", "test"):
        raise ValueError(f"split must be 'train' or 'test', got {split!r}")
    root = Path(root)
    if not root.exists():
        raise InputError(f"{root} does not exist; give a folder of videos or one video")
    if not (root / "train").is_dir():
        found = list(_clips(root))
        return _side(_one_or_more(found, root), split, seed)
    if not (root / split).is_dir():
        raise InputError(f"{root} has a folder 'train' but no folder '{split}'; make it, or rename 'train'")
    return _one_or_more(list(_clips(root / split)), root / split)


def _one_or_more(clips: list[ClipPath], root: Path) -> list[ClipPath]:
    if not clips:
        raise InputError(f"{root} holds no videos, expected video files or folders of frames, at any depth")
    return clips


def _clips(root: Path) -> Iterator[ClipPath]:
    for path in [root] if root.is_file() else _videos(root):
        name = path.absolute().name if path == root else path.relative_to(root).as_posix()
        yield ClipPath(name, path, _masks_beside(path))


def _videos(folder: Path, above: tuple[Path, ...] = ()) -> Iterator[Path]:
    """Files and folders of frames in `folder`, which lies in the folders `above`."""
    real = folder.resolve()
    if real in above:  # a link to where it lies would never end
        return
    with os.scandir(folder) as listing:
        entries = sorted((entry for entry in listing if not entry.name.startswith(".")), key=lambda entry: entry.name)
    folders = [Path(entry.path) for entry in entries if entry.name != _MASKS and entry.is_dir()]
    files = [Path(entry.path) for entry in entries if not entry.is_dir()]
    videos = [file for file in files if file.suffix.lower() in VIDEO_SUFFIXES]
    images = [file for file in files if file.suffix.lower() in IMAGE_SUFFIXES]
    stacks = [image for image in images if image.suffix.lower() == ".png"]
    if stacks and is_side_by_side(stacks[0]):
        videos += stacks
    elif images and not videos and not folders:
        yield folder
        return
    inner = set(folders)
    for path in sorted([*videos, *folders]):
        if path in inner:
            yield from _videos(path, (*above, real))
        else:
            yield path


def _masks_beside(video: Path) -> Path | None:
    folder = video.parent / _MASKS
    if not folder.is_dir():
        return None
    bare = bare_name(video.name)
    names = [bare, video.name, *(bare + suffix for suffix in (".mkv", ".mp4", ".png"))]
    return next((folder / name for name in names if (folder / name).exists()), None)


def _side(clips: Sequence[ClipPath], split: Split, seed: int) -> list[ClipPath]:
    if len(clips) == 1:
        part = (0.0, 1 - _HELD_OUT) if split == "train" else (1 - _HELD_OUT, 1.0)
        return [replace(clips[0], part=part)]
    groups: dict[str, list[ClipPath]] = defaultdict(list)
    for clip in clips:
        groups[clip.identity].append(clip)
    together = list(groups.values()) if len(groups) > 1 else [[clip] for clip in clips]
    order = np.random.default_rng(seed).permutation(len(together))
    held_out = set(order[: max(1, round(_HELD_OUT * len(together)))].tolist())
    chosen = [group for number, group in enumerate(together) if (number in held_out) == (split == "test")]
    return sorted((clip for group in chosen for clip in group), key=lambda clip: clip.name)
