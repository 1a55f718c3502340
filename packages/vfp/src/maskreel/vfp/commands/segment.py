"""`maskreel vfp segment`: the class of every pixel in every frame of an input."""

from __future__ import annotations

import logging
import sys
from pathlib import Path  # noqa: TC003 (tyro reads annotations at run time)
from typing import Annotated, Literal

import tyro

from maskreel.common.cli import progress
from maskreel.common.errors import InputError

logger = logging.getLogger(__name__)


def segment(
    source: tyro.conf.Positional[Path],
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])],
    weights: Path | None = None,
    frames_are: Literal["observed", "predicted"] = "observed",
    min_score: float | None = None,
    outputs: tuple[Literal["png", "npy", "mp4"], ...] = ("png",),
    quarantine: Path | None = None,
    skip_bad: bool = False,
    device: Literal["auto", "cpu", "cuda"] = "auto",
) -> int:
    """Name the class of every pixel in every frame.

    SOURCE is a split of a data set in the layout of vfp (DIR/val, DIR/hidden), a folder of pictures, a video, or an
    array of frames (.npy). Where label maps lie beside the frames, the IoU is printed: pooled over all frames, mean
    over the 49 classes, background included.

    Args:
        source: What to segment.
        output: A folder; gets NAME/00000.png and so on, NAME.npy and NAME.mp4 for every video.
        weights: Of a segmenter; by default those of the package.
        frames_are: What SOURCE holds: frames of a camera, or blurred ones that a predictor has made.
        min_score: Score, 0 to 1, that a detection needs; by default what the weights say for such frames.
        outputs: png: label maps with a palette; npy: label maps as one array; mp4: frames with outlines.
        quarantine: A list of videos of a data set to leave out, from check-data.
        skip_bad: Leave out bad videos of a data set and name them; by default the first one is an error.
        device: Where to compute; auto is cuda where there is a device.
    """
    from maskreel.common.device import chosen_device
    from maskreel.common.metrics import MeanIoU
    from maskreel.vfp.segmentation import (
        check_colour_order,
        load_segmenter,
        open_footage,
        segment_footage,
    )
    from maskreel.vfp.timeline import CLASSES

    if min_score is not None and not 0 <= min_score <= 1:
        raise InputError(f"--min-score must be in 0 to 1, got {min_score}")
    segmenter = load_segmenter(weights, min_score=min_score, frames=frames_are).to(chosen_device(device))
    found = open_footage(source, quarantine=quarantine, skip_bad=skip_bad)
    counts = [footage.frame_count for footage in found]
    total = None if None in counts else sum(count for count in counts if count is not None)
    overall = MeanIoU(CLASSES)
    with progress(description="segment", total=total) as bar:
        for footage in found:
            metric = segment_footage(footage, segmenter, output, outputs=outputs, progress=bar.update)
            if metric is not None:
                overall.merge(metric)
                check_colour_order(overall, source)
    if int(overall.confusion.sum()):
        sys.stdout.write(f"mean IoU {overall.compute():.4f}\n")
    logger.info("%s: %d videos", output, len(found))
    return 0
