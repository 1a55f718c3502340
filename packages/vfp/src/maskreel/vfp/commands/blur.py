"""`maskreel vfp blur`: predicted frames of labelled videos as training images for the segmenter."""

from __future__ import annotations

import logging
from pathlib import Path  # noqa: TC003 (tyro reads annotations at run time)
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from maskreel.common.cli import progress
from maskreel.common.errors import InputError

if TYPE_CHECKING:
    from maskreel.vfp.segmentation import Fold

logger = logging.getLogger(__name__)


def blur(
    data: tyro.conf.Positional[Path],
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])],
    split: Literal["train", "val"] = "train",
    predictor: Path | None = None,
    folds: Path | None = None,
    prepare_folds: int | None = None,
    unseen_objects: Literal["keep", "drop"] = "keep",
    videos: int | None = None,
    quarantine: Path | None = None,
    skip_bad: bool = False,
    device: Literal["auto", "cpu", "cuda"] = "auto",
) -> int:
    """Write what a frame predictor makes of labelled videos, with the true masks, as images to train a segmenter on.

    OUTPUT gets video_7_frame_22.png and mask_video_7_frame_22.npy (numbers from 1) for frames 12 to 22. No video should
    be predicted by a network that was trained on it: such images are too sharp. Either the predictor has seen none of
    the videos, or there are several, and the folds say which videos each has not seen. Killed? Run the same command
    again: it goes on.

    Args:
        data: A data set in the layout of vfp.
        output: Where the images go; with --prepare-folds, the folds.
        split: Which of its videos.
        predictor: Weights of a frame predictor that has seen none of the videos; by default those of the package.
        folds: JSON file with [{"weights": "a.safetensors", "unseen": [0, 2, 4]}, ...], in place of a predictor.
        prepare_folds: Make no images, but lay out the data for the training of so many predictors, with the file for
            --folds.
        unseen_objects: Objects that none of the frames 1 to 11 shows keep their masks, or drop out of them.
        videos: Take at most so many, evenly spread over the split; by default all.
        quarantine: A list of videos to leave out, from check-data.
        skip_bad: Check all videos first and leave out the bad ones by name; else the first one ends the run.
        device: Where to compute; auto is cuda where there is a device.
    """
    from maskreel.common.device import chosen_device
    from maskreel.vfp.data import open_split, spread
    from maskreel.vfp.segmentation import prepare_folds as lay_out
    from maskreel.vfp.segmentation import write_blur_images

    if videos is not None and videos < 1:
        raise InputError(f"--videos must be 1 or more, got {videos}")
    found = list(open_split(data, split, quarantine=quarantine, skip_bad=skip_bad))
    chosen = found if videos is None else spread(found, videos)
    if prepare_folds is not None:
        logger.info("%s", lay_out(chosen, prepare_folds, output))
        return 0
    with progress(description="blur", total=len(chosen), unit="videos") as bar:
        write_blur_images(
            chosen,
            _folds(predictor, folds),
            output,
            unseen=unseen_objects,
            device=chosen_device(device),
            progress=bar.update,
        )
    logger.info("%s: %d videos", output, len(chosen))
    return 0


def _folds(predictor: Path | None, folds: Path | None) -> tuple[Fold, ...]:
    from maskreel.vfp.segmentation import Fold, read_folds

    if folds is None:
        return (Fold(predictor),)
    if predictor is not None:
        raise InputError("--folds names its predictors, so --predictor must not be given with it")
    return read_folds(folds)
