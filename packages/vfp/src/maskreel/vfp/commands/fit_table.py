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
    import torch

    from maskreel.common.datasets import VfpFolder, VfpSequence
    from maskreel.vfp.objects import Table
    from maskreel.vfp.segmentation import Segmenter

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
    quarantine: tuple[Path, ...] = (),
    skip_bad: bool = False,
) -> int:
    """Fit what the object forecaster knows of a data set: the camera, the sizes of things, and how they move.

    Only the train split is read, and but for --segment only its masks. Beside the table comes a picture of the same
    name, .png, with the outlines that the table gives over the masks. Data sets of different speed are named together:
    the forecaster tells from the observed frames which of them a clip is like.

    Args:
        data: Data sets in the layout of vfp with one camera; each gets a motion of its own.
        output: The file to write, .json.
        clips: At most so many videos of each data set, evenly spread.
        segment: Measure how exact places are on the masks that a segmenter finds in the observed frames of so many
            videos of each data set, as it will be in use, instead of on the true masks.
        segmenter: Weights of that segmenter; by default the one that comes with the package.
        quarantine: A list of videos to leave out, as check-data writes it: one of all data sets, or one for each, in
            their order.
        skip_bad: Leave out videos with a fault and name them; otherwise the first one is an error.
    """
    _check(data, output, clips, segment, segmenter)
    from maskreel.common.show import save_image
    from maskreel.vfp.data import lists_for, open_split
    from maskreel.vfp.objects import fit_table as fit
    from maskreel.vfp.objects import with_noise_of

    folders = [
        open_split(root, "train", quarantine=unwanted, skip_bad=skip_bad)
        for root, unwanted in zip(data, lists_for(data, quarantine), strict=True)
    ]
    model = _segmenter(segmenter) if segment else None
    masks = [_masks(folder, clips) for folder in folders]
    _require_one_size(data, masks)
    with progress(description="track", total=sum(map(len, masks)), unit="videos") as bar:
        table = fit(masks, progress=bar.update)
    if model is not None:
        table = with_noise_of(table, [_segmented(folder, segment, model) for folder in folders])
    save_image(output.with_suffix(".png"), _picture(table, masks))
    table.save(output)
    sys.stdout.write("".join(f"{name:34} {value}\n" for name, value in _rows(table, data)))
    logger.info("%s and %s", output, output.with_suffix(".png").name)
    return 0


def _check(data: Sequence[Path], output: Path, clips: int, segment: int, segmenter: Path | None) -> None:
    if output.suffix.lower() != ".json":
        raise InputError(f"{output} must end in .json")
    if not data:
        raise InputError("there is nothing to fit: name one or more data sets")
    if clips < 1 or segment < 0:
        raise InputError(f"--clips must be 1 or more and --segment 0 or more, got {clips} and {segment}")
    if segmenter is not None and not segment:
        raise InputError("--segmenter is for --segment, which must then be 1 or more")


def _require_one_size(data: Sequence[Path], masks: Sequence[Sequence[np.ndarray]]) -> None:
    sizes = {clip.shape[1:]: root for root, clips in zip(data, masks, strict=True) for clip in clips}
    if len(sizes) > 1:
        found = ", ".join(f"{width}x{height} in {root}" for (height, width), root in sizes.items())
        raise InputError(f"all masks must have one size, since one camera is fitted to them, got {found}")


def _masks(folder: VfpFolder, count: int) -> list[np.ndarray]:
    from maskreel.vfp.data import spread

    videos = spread(list(folder), count)
    return [_labels(video) for video in progress(videos, description=f"read {folder.root.name}", unit="videos")]


def _labels(video: VfpSequence) -> np.ndarray:
    labels = video.labels()
    assert labels is not None, "videos of the train split have masks"
    return labels.numpy()


def _segmenter(weights: Path | None) -> Segmenter:
    from maskreel.vfp.segmentation import load_segmenter

    return load_segmenter(weights)


def _segmented(folder: VfpFolder, count: int, model: Segmenter) -> list[np.ndarray]:
    """Label maps of the observed frames as a segmenter finds them."""
    from maskreel.vfp.data import spread
    from maskreel.vfp.timeline import OBSERVED

    videos = progress(spread(list(folder), count), description=f"segment {folder.root.name}", unit="videos")
    return [model(video.frames(0, OBSERVED)).numpy() for video in videos]


def _picture(table: Table, masks: Sequence[Sequence[np.ndarray]]) -> torch.Tensor:
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
    rows.append(("places are exact to", f"{table.noise:.4f} radii of a sphere"))
    for root, motion in zip(data, table.motions, strict=True):
        name = root.absolute().name
        rows += [
            (f"{name}, {shape} slows by", f"{value:.4f}") for shape, value in zip(SHAPES, motion.friction, strict=True)
        ]
        rows.append((f"{name}, restitution and grip", f"{motion.restitution:.3f}, {motion.grip:.3f}"))
        rows.append((f"{name}, median speed", f"{math.exp(motion.log_speed[0]):.3f}"))
    return rows
