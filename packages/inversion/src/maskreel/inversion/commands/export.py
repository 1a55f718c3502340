"""`maskreel inversion export`: the frames of a run as a data set, video, animation or pictures."""

from __future__ import annotations

import logging
from pathlib import Path  # noqa: TC003 (tyro reads it)
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from maskreel.common.cli import progress
from maskreel.common.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from maskreel.inversion.exports import ExportSequence

logger = logging.getLogger(__name__)

__all__ = ["export"]

Format = Literal["davis", "coco", "video", "gif", "png"]

_BY_SUFFIX: dict[str, Format] = {
    ".mp4": "video",
    ".mov": "video",
    ".mkv": "video",
    ".m4v": "video",
    ".gif": "gif",
    ".webp": "gif",
}


def export(
    runs: tyro.conf.Positional[tuple[Path, ...]],
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])],
    format: Format | None = None,  # noqa: A002 (the flag)
    split: str = "train",
    resolution: Literal["480p", "1080p", "Full-Resolution"] = "480p",
    lossless: bool = False,
    polygons: bool = False,
    masks: bool = False,
    max_width: int | None = None,
    crf: int = 18,
    unfinished: bool = False,
) -> int:
    """Turn the folders of runs into what others read.

    Data sets in the layout of DAVIS (frames, palette masks, lists) or COCO (frames, annotations.json), H.264 video, GIF
    or WebP, or numbered PNG files. The output appears when it is whole; run the same command again after a stop.

    Args:
        runs: Folders written by `maskreel inversion run`, or folders that hold such folders.
        output: A new folder for davis, coco and png; a file for video and gif, or a folder for those of many runs.
        format: What to write; without it, the suffix of the output tells: .mp4, .mov, .mkv, .gif or .webp.
        split: davis: the list in ImageSets that names the sequences.
        resolution: davis: the name of the folder of the frames, whatever their size.
        lossless: davis: also write the frames as PNG, because JPEG changes what a network sees.
        polygons: coco: outlines instead of run lengths; holes are filled.
        masks: video, gif, png: show the masks to the left of the frames.
        max_width: gif: scale wider frames down to this many pixels.
        crf: video: quality of H.264, 0 (best) to 51.
        unfinished: Export the frames that are there of a run that is not finished.
    """
    if not runs:
        raise InputError("no run is given, expected one or more folders that maskreel inversion run wrote")
    chosen = format or _by_suffix(output)
    if max_width is not None and max_width < 1:
        raise InputError(f"--max-width must be 1 or more, got {max_width}")
    if not 0 <= crf <= 51:
        raise InputError(f"--crf must be 0 to 51, got {crf}")
    sequences = _opened(runs, unfinished)
    with progress(description="export", total=sum(one.frame_count or 0 for one in sequences)) as bar:
        if chosen in ("davis", "coco"):
            _data_set(output, sequences, chosen, split, resolution, lossless, polygons, bar.update)
        else:
            _pictures(output, sequences, chosen, masks, max_width, crf, bar.update)
    logger.info("%s", output)
    return 0


def _by_suffix(output: Path) -> Format:
    if (found := _BY_SUFFIX.get(output.suffix.lower())) is None:
        raise InputError(f"--format is needed for {output}, or an output that ends in {', '.join(_BY_SUFFIX)}")
    return found


def _opened(places: tuple[Path, ...], unfinished: bool) -> list[ExportSequence]:
    from maskreel.inversion.exports import from_run
    from maskreel.inversion.run_folder import RunFolder

    folders = [folder for place in places for folder in _runs(place, RunFolder.is_one)]
    sequences: dict[str, ExportSequence] = {}
    for folder in folders:
        one = from_run(RunFolder(folder), unfinished=unfinished)
        if one.name in sequences:
            raise InputError(f"{folder} is a second run of {one.name}, expected one run of each sequence")
        sequences[one.name] = one
    return list(sequences.values())


def _runs(place: Path, is_run: Callable[[Path], bool]) -> list[Path]:
    """The place itself, or the runs in it."""
    if is_run(place):
        return [place]
    found = sorted(folder for folder in place.iterdir() if is_run(folder)) if place.is_dir() else []
    if not found:
        raise InputError(f"{place} is not a folder of a run and holds none, expected run.json, frames and masks")
    return found


def _data_set(
    output: Path,
    sequences: list[ExportSequence],
    chosen: Format,
    split: str,
    resolution: str,
    lossless: bool,
    polygons: bool,
    advance: Callable[[int], object],
) -> None:
    from maskreel.inversion.exports import export_coco, export_davis

    if chosen == "davis":
        export_davis(output, sequences, split=split, resolution=resolution, lossless=lossless, progress=advance)
    else:
        export_coco(output, sequences, segmentation="polygons" if polygons else "rle", progress=advance)


def _pictures(
    output: Path,
    sequences: list[ExportSequence],
    chosen: Format,
    masks: bool,
    max_width: int | None,
    crf: int,
    advance: Callable[[int], object],
) -> None:
    from maskreel.inversion.exports import export_gif, export_png, export_video

    suffix = {"video": ".mp4", "gif": ".gif", "png": ""}[chosen]
    for one in sequences:
        path = output if len(sequences) == 1 else output / f"{one.name}{suffix}"
        if chosen == "video":
            export_video(path, one, masks=masks, crf=crf, progress=advance)
        elif chosen == "gif":
            export_gif(path, one, masks=masks, max_width=max_width, progress=advance)
        else:
            export_png(path, one, masks=masks, progress=advance)
