"""`maskreel vfp fit-table`: camera, sizes and ways of moving, from masks alone."""

from __future__ import annotations

import logging
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from maskreel.common.cli import progress
from maskreel.common.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from maskreel.common.datasets import VfpFolder, VfpSequence
    from maskreel.vfp.objects import Table

logger = logging.getLogger(__name__)

_SHOWN = 3
"""Clips of each data set in the picture."""
_FRAMES = (0, 10, 21)


def fit_table(
    data: tyro.conf.Positional[tuple[Path, ...]],
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path("table.json"),
    clips: int = 200,
    segment: int = 0,
    segmenter: Path | None = None,
    quarantine: Path | None = None,
    skip_bad: bool = False,
) -> int:
    """Fit what the object forecaster knows of a data set: the camera, the sizes of things, and how they move.

    Only the masks of the train split are read. Beside the table comes a picture of the same name, .png, with the
    outlines that the table gives over the masks. Data sets of different speed are named together: the forecaster tells
    from the observed frames which of them a clip is like.

    Args:
        data: Data sets in the layout of vfp with one camera; each gets a motion of its own.
        output: The file to write, .json.
        clips: At most so many videos of each data set, evenly spread.
        segment: Measure how exact places are on the masks that a segmenter finds in the observed frames of so many of
            them, as it will be in use, instead of on the true masks.
        segmenter: Weights of that segmenter; by default the one that comes with the package.
        quarantine: A list of videos to leave out, as check-data writes it.
        skip_bad: Leave out videos with a fault and name them; otherwise the first one is an error.
    """
    from maskreel.common.show import save_image
    from maskreel.vfp.data import open_split
    from maskreel.vfp.objects import fit_table as fit
    from maskreel.vfp.objects import with_noise_of

    if output.suffix.lower() != ".json":
        raise InputError(f"{output} must end in .json")
    if not data:
        raise InputError("there is nothing to fit: name one or more data sets")
    if clips < 1 or segment < 0:
        raise InputError(f"--clips must be 1 or more and --segment 0 or more, got {clips} and {segment}")
    folders = [open_split(root, "train", quarantine=quarantine, skip_bad=skip_bad) for root in data]
    masks = [_masks(folder, clips) for folder in folders]
    with progress(description="track", total=sum(map(len, masks)), unit="videos") as bar:
        table = fit(masks, progress=bar.update)
    if segment:
        table = with_noise_of(table, _segmented(folders, segment, segmenter))
    table.save(output)
    save_image(output.with_suffix(".png"), _picture(table, masks))
    sys.stdout.write("".join(f"{name:34} {value}\n" for name, value in _rows(table, data)))
    logger.info("%s and %s", output, output.with_suffix(".png").name)
    return 0


def _masks(folder: VfpFolder, count: int) -> list[np.ndarray]:
    videos = _spread(folder, count)
    return [_labels(video) for video in progress(videos, description=f"read {folder.root.name}", unit="videos")]


def _labels(video: VfpSequence) -> np.ndarray:
    labels = video.labels()
    if labels is None:
        raise InputError(f"{video.folder} has no mask.npy, which is needed to fit a table")
    return labels.numpy()


def _spread(folder: VfpFolder, count: int) -> list[VfpSequence]:
    return [folder[index] for index in range(0, len(folder), max(1, math.ceil(len(folder) / count)))]


def _segmented(folders: Sequence[VfpFolder], count: int, weights: Path | None) -> list[list[np.ndarray]]:
    """Label maps of the observed frames as a segmenter finds them."""
    from maskreel.vfp.segmentation import load_segmenter
    from maskreel.vfp.timeline import OBSERVED

    model = load_segmenter(weights)
    return [
        [
            model(video.frames(0, OBSERVED)).numpy()
            for video in progress(_spread(folder, count), description=f"segment {folder.root.name}", unit="videos")
        ]
        for folder in folders
    ]


def _picture(table: Table, masks: Sequence[Sequence[np.ndarray]]):
    from maskreel.common.show import contact_sheet
    from maskreel.vfp.objects.picture import draw_fit

    shown = [clip for clips in masks for clip in clips[:: -(-len(clips) // _SHOWN)]]
    pictures = [draw_fit(table, clip, frame) for clip in shown for frame in _FRAMES]
    titles = [f"frame {frame + 1}" for _ in shown for frame in _FRAMES]
    return contact_sheet(pictures, columns=len(_FRAMES), titles=titles)


def _rows(table: Table, data: Sequence[Path]) -> list[tuple[str, str]]:
    """What was fitted, in words; lengths in radii of a sphere, times in frames."""
    from maskreel.vfp.objects.solids import SHAPES

    camera = table.camera
    rows = [
        ("camera, focal length", f"{camera.focal:.1f} pixels"),
        ("camera, below the horizon", f"{math.degrees(camera.pitch):.1f} degrees"),
        ("camera, above the table", f"{camera.height:.2f} radii of a sphere"),
    ]
    rows += [(f"{SHAPES[one.shape]}, radius and height", f"{one.radius:.3f}, {one.height:.3f}") for one in table.solids]
    rows.append(("places are exact to", f"{table.noise:.4f}"))
    for root, motion in zip(data, table.motions, strict=True):
        name = root.absolute().name
        rows += [
            (f"{name}, {shape} slows by", f"{value:.4f}") for shape, value in zip(SHAPES, motion.friction, strict=True)
        ]
        rows.append((f"{name}, restitution and grip", f"{motion.restitution:.3f}, {motion.grip:.3f}"))
        rows.append((f"{name}, median speed", f"{math.exp(motion.log_speed[0]):.3f}"))
    return rows
