"""DAVIS 2016 and 2017 as masks to be filled."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from maskreel.common.datasets import Davis
from maskreel.common.errors import InputError
from maskreel.inversion.sources._classes import coco_class, known_sequence, read_classes
from maskreel.inversion.sources._files import png_folder
from maskreel.inversion.sources._label_maps import LabelMapSequence

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from maskreel.common.datasets import DavisSequence

Year = Literal["2017", "2016"]
Resolution = Literal["480p", "1080p", "Full-Resolution"]

DAVIS_FPS = Fraction(24)
TRAIN_AND_VAL = ("train", "val")
SEMANTICS = "davis_semantics.json"
"""DAVIS 2017's file of categories by sequence and object; our own exports have it, too."""


def davis_sequences(
    root: str | os.PathLike[str],
    *,
    year: Year = "2017",
    split: str | None = None,
    resolution: Resolution = "480p",
    names: Sequence[str] | None = None,
    first: int | None = None,
) -> list[LabelMapSequence]:
    """The sequences of DAVIS, each with the classes of its objects; no mask is read before it is asked for.

    `JPEGImages` may be missing: only reports look at the real frames. Classes are those of `coco_class`, for other
    sequences those of `davis_semantics.json` in `root`.

    Args:
        root: Holds `Annotations` and `ImageSets`.
        year: "2016" takes each sequence as one object.
        split: A list in `ImageSets`, such as "train" or "test-dev"; None: train and val.
        resolution: "480p", or the originals ("1080p" in 2016, "Full-Resolution" in 2017).
        names: Which sequences, in this order; None: all.
        first: How many frames of each; test sets have masks for the first only.

    Raises:
        InputError: A list, sequence or frame is missing.
        ValueError: `first` is below 1.
    """
    root = Path(root)
    if first is not None and first < 1:
        raise ValueError(f"first must be 1 or more frames, got {first}")
    folder = root / "Annotations" / resolution
    if not folder.is_dir():
        raise InputError(f"{folder} is missing, expected the masks of DAVIS {year}")
    openers = _with_frames if (root / "JPEGImages" / resolution).is_dir() else _masks_alone
    found = openers(root, year, split, resolution)
    for name in names or ():
        if name not in found:
            raise InputError(f"{root} has no sequence {name!r} in {split or 'train and val'}, only {', '.join(found)}")
    sequences = [found[name]() for name in (found if names is None else names)]
    return [one if first is None else replace(one, count=min(first, one.count)) for one in sequences]


def _with_frames(
    root: Path, year: Year, split: str | None, resolution: Resolution
) -> dict[str, Callable[[], LabelMapSequence]]:
    lists = [split] if split else _lists(root, year, resolution) or list(TRAIN_AND_VAL)
    splits = [Davis(root, year=year, split=one, resolution=resolution) for one in lists]
    return {one.name: lambda one=one: _from_davis(root, year, one) for davis in splits for one in davis}


def _masks_alone(
    root: Path, year: Year, split: str | None, resolution: Resolution
) -> dict[str, Callable[[], LabelMapSequence]]:
    """Without frames: what the lists name, or every folder of masks where there are no lists."""
    files = [root / "ImageSets" / year / f"{one}.txt" for one in ([split] if split else _lists(root, year, resolution))]
    if split and not files[0].is_file():
        raise InputError(f"{files[0]} does not exist, expected the names of the sequences of {split}")
    folder = root / "Annotations" / resolution
    names = [name for file in files if file.is_file() for name in file.read_text().split()]
    names = names or sorted(one.name for one in folder.iterdir() if one.is_dir())
    return {name: lambda name=name: _from_masks(root, folder / name, year) for name in names}


def _lists(root: Path, year: Year, resolution: Resolution) -> list[str]:
    folders = [root / "ImageSets" / year, *([root / "ImageSets" / resolution] if year == "2016" else [])]
    return [one for one in TRAIN_AND_VAL if any((folder / f"{one}.txt").is_file() for folder in folders)]


def _from_davis(root: Path, year: Year, sequence: DavisSequence) -> LabelMapSequence:
    return LabelMapSequence(
        path=sequence.annotation_files[0].parent,
        name=sequence.name,
        fps=DAVIS_FPS,
        count=sequence.frame_count,
        read=lambda index: sequence.labels(index, index + 1)[0],
        class_of=_class_finder(root, year, sequence.name),
        real=sequence.frames,
    )


def _from_masks(root: Path, folder: Path, year: Year) -> LabelMapSequence:
    if not folder.is_dir():
        raise InputError(f"{folder} is missing, although {folder.name} is in the list of the split")
    found = png_folder(folder, fps=DAVIS_FPS, kind="auto" if year == "2016" else "labels", binary=year == "2016")
    return replace(found, class_of=_class_finder(root, year, folder.name))


def _class_finder(root: Path, year: Year, name: str) -> Callable[[int], str | None]:
    if known_sequence(name):
        return lambda number: coco_class(name, number, year=year)
    if not (root / SEMANTICS).is_file():
        return lambda _: None
    classes = read_classes(root / SEMANTICS, sequence=name)
    return classes.get
