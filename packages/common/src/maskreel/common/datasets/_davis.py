"""DAVIS 2016 (Perazzi et al., CVPR 2016) and 2017 (Pont-Tuset et al., arXiv:1704.00675) as they are unpacked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from maskreel.common.datasets._davis_sequence import DavisSequence
from maskreel.common.errors import InputError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator


class Davis:
    """The sequences of one split, in the order of its list; iterate, or index by number or name.

    `root` holds `JPEGImages`, `Annotations` and `ImageSets`. `split` names a list there: "train" or "val", and in 2017
    also "test-dev" and "test-challenge". `year="2016"` takes each sequence as one object, also in an unpacked 2017
    archive. `resolution` is the folder: "480p", or the originals ("1080p" in 2016, "Full-Resolution" in 2017).

    Raises InputError if the list, a sequence or a frame is missing; annotations are looked at when they are read.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        year: Literal["2017", "2016"] = "2017",
        split: str = "train",
        resolution: Literal["480p", "1080p", "Full-Resolution"] = "480p",
    ) -> None:
        self.root = Path(root)
        lines = [line.split() for line in _list_file(self.root, year, split, resolution).read_text().splitlines()]
        lines = [line for line in lines if line]
        single_object = year == "2016"
        if lines and lines[0][0].startswith("/"):
            self._sequences = _from_file_list(self.root, lines, single_object)
        else:
            names = [line[0] for line in lines]
            self._sequences = {name: _from_folder(self.root, name, resolution, single_object) for name in names}

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._sequences)

    def __len__(self) -> int:
        return len(self._sequences)

    def __iter__(self) -> Iterator[DavisSequence]:
        return iter(self._sequences.values())

    def __getitem__(self, key: int | str) -> DavisSequence:
        if isinstance(key, int):
            return list(self._sequences.values())[key]
        if key not in self._sequences:
            raise InputError(f"{self.root} has no sequence {key!r} in this split, only {', '.join(self.names)}")
        return self._sequences[key]


def _list_file(root: Path, year: str, split: str, resolution: str) -> Path:
    """2017 has `ImageSets/2017/val.txt` and the same for 2016; the archive of 2016 has `ImageSets/480p/val.txt`."""
    folders = [root / "ImageSets" / year]
    if year == "2016":
        folders.append(root / "ImageSets" / resolution)
    for folder in folders:
        if (folder / f"{split}.txt").is_file():
            return folder / f"{split}.txt"
    present = sorted(file.stem for folder in folders for file in folder.glob("*.txt"))
    raise InputError(
        f"{folders[-1] / split}.txt does not exist; "
        + (f"there are lists for {', '.join(present)}" if present else f"{root} does not look like DAVIS {year}")
    )


def _from_file_list(root: Path, lines: list[list[str]], single_object: bool) -> dict[str, DavisSequence]:
    """Lines of two paths, frame and annotation, that start with "/" and mean `root`; the folder is the sequence."""
    frames: dict[str, list[Path]] = {}
    annotations: dict[str, list[Path]] = {}
    for line in lines:
        if len(line) != 2:
            raise InputError(f"{' '.join(line)!r} in the list of {root} must be a frame and an annotation")
        frame, annotation = (root / part.lstrip("/") for part in line)
        if not frame.is_file():
            raise InputError(f"{frame} is missing, although it is in the list of the split")
        frames.setdefault(frame.parent.name, []).append(frame)
        annotations.setdefault(frame.parent.name, []).append(annotation)
    return {
        name: DavisSequence(name, tuple(files), tuple(annotations[name]), single_object)
        for name, files in frames.items()
    }


def _from_folder(root: Path, name: str, resolution: str, single_object: bool) -> DavisSequence:
    frames = root / "JPEGImages" / resolution / name
    annotations = root / "Annotations" / resolution / name
    if not frames.is_dir():
        raise InputError(f"{frames} is missing, although {name} is in the list of the split")
    numbers = [int(file.stem) for file in (*frames.glob("*.jpg"), *annotations.glob("*.png")) if file.stem.isdecimal()]
    if not numbers:
        raise InputError(f"{frames} holds no frames, expected 00000.jpg, 00001.jpg, ...")
    count = max(numbers) + 1
    frame_files = tuple(frames / f"{number:05d}.jpg" for number in range(count))
    for file in frame_files:
        if not file.is_file():
            raise InputError(f"{file} is missing, expected {count} frames without a gap, one per annotation")
    annotation_files = tuple(annotations / f"{number:05d}.png" for number in range(count))
    return DavisSequence(name, frame_files, annotation_files, single_object)
