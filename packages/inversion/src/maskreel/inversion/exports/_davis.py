"""Frames and masks as a data set in the layout of DAVIS."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from maskreel.common import masks as mask_tools
from maskreel.common.atomic import atomic_path, write_json
from maskreel.inversion.exports._folder import new_folder, save_jpeg, save_png

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from maskreel.inversion.exports._sequence import ExportSequence


def export_davis(
    folder: str | os.PathLike[str],
    sequences: Sequence[ExportSequence],
    *,
    split: str = "train",
    resolution: str = "480p",
    lossless: bool = False,
    progress: Callable[[int], object] | None = None,
) -> None:
    """Write a new folder that `maskreel.common.datasets.Davis` and other readers of DAVIS 2017 open.

    It holds `JPEGImages` (quality 95, without loss of colour resolution), `Annotations` (palette PNG, 255 = void),
    `ImageSets/2017/SPLIT.txt` (and `ImageSets/2016`) and `davis_semantics.json` with the class of every object. It
    appears when it is whole; an export of run folders that was stopped goes on.

    Args:
        folder: A new or empty folder.
        sequences: One or more, of different names.
        split: The list that names them.
        resolution: The folder of that name in `JPEGImages` and `Annotations`, whatever the size of the frames.
        lossless: Write the frames also as PNG, to `PNGImages`, because JPEG changes what a network sees.
        progress: Called with 1 after every frame.

    Raises:
        InputError: `folder` is not empty.
        ValueError: There is no sequence, or two have one name.
    """
    with new_folder(folder, sequences, ("davis", split, resolution, lossless)) as scratch:
        for sequence in sequences:
            for index, frame in enumerate(sequence.frames):
                place = Path(resolution) / sequence.name
                save_jpeg(scratch / "JPEGImages" / place / f"{index:05d}.jpg", frame.picture)
                if lossless:
                    save_png(scratch / "PNGImages" / place / f"{index:05d}.png", frame.picture)
                annotation = scratch / "Annotations" / place / f"{index:05d}.png"
                if not annotation.exists():
                    mask_tools.write_label_png(annotation, sequence.labels(frame))
                if progress is not None:
                    progress(1)
        _write_lists(scratch, sequences, split)


def _write_lists(folder: Path, sequences: Sequence[ExportSequence], split: str) -> None:
    for year in ("2016", "2017"):
        with atomic_path(folder / "ImageSets" / year / f"{split}.txt") as file:
            file.write_text("".join(f"{sequence.name}\n" for sequence in sequences))
    write_json(folder / "davis_semantics.json", {one.name: _named(one) for one in sequences})


def _named(sequence: ExportSequence) -> dict[str, str]:
    return {str(number): name for number, name in sequence.class_names.items() if name is not None}
