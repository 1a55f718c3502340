"""`maskreel animate run`."""

from __future__ import annotations

import logging
from pathlib import Path  # noqa: TC003 (tyro reads annotations at run time)
from typing import Annotated

import tyro

from maskreel.animate.commands._shared import bar
from maskreel.animate.config import AnimateConfig  # noqa: TC001 (tyro reads annotations at run time)
from maskreel.common.cli import preview_seconds

__all__ = ["run"]

logger = logging.getLogger(__name__)


def run(
    source: tyro.conf.Positional[Path],
    driving: tyro.conf.Positional[Path],
    config: AnimateConfig,
    background: Annotated[str | None, tyro.conf.arg(aliases=["-b"])] = None,
    output: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None,
    background_mask: Path | None = None,
    job: Path | None = None,
    preview: str | None = None,
    dry_run: bool = False,
) -> int:
    """Let the subject of a picture move as the subject of a video does, before its own or another background.

    Frame rate and sound are those of the driving video, the size is the source's. A report page (.html), a picture of
    source, driving frames and result (.sheet.jpg) and a record of the settings (.json) are written beside the result.
    Killed? Run the same command again: it goes on.

    Args:
        source: An image; of a video, GIF or folder of numbered frames the first frame.
        driving: A video, GIF, folder of numbered frames, or an image, which gives one picture; or the motion of a video
            that `maskreel animate motion` saved (.npz).
        config: All settings.
        background: What comes behind the subject: an image, video, GIF or folder, a colour (#rrggbb or a name), source
            or driving (without their own subjects), blur (the source's, blurred) or transparent. By default the
            source's picture goes on around what the networks made.
        output: What to write: .mp4, .mkv, .mov, .gif, or a folder for PNG images (a name without suffix); with a
            transparent background .mov, .webm or a folder; for a driving image .png, .jpg or .webp. By default
            SOURCE.animated.mp4 beside the source. Only .mkv with --lossless, a folder and .png hold the very pixels.
        background_mask: The background's own subject, to be left out: one mask picture, or masks of every frame.
        job: The folder for unfinished work; by default beside the output.
        preview: Work on the first seconds of the driving video only, for example 5s.
        dry_run: Only tell what the job would take, from a trial on some frames, or why it cannot be done.
    """
    from maskreel.animate.animator import ImageAnimator
    from maskreel.animate.running.estimate import estimate
    from maskreel.animate.running.inputs import Inputs

    seconds = preview_seconds(preview)
    animator = ImageAnimator(config)
    if dry_run:
        inputs = Inputs(source, driving, background, background_mask)
        logger.info("%s", estimate(animator, inputs, output=output, job=job, seconds=seconds))
        return 0
    result = animator.animate(
        source,
        driving,
        background,
        background_mask=background_mask,
        output=output,
        job=job,
        seconds=seconds,
        watch=bar,
    )
    if result.summary.lost:
        logger.warning("no subject was found in %d of %d driving frames", result.summary.lost, result.summary.frames)
    logger.info("result: %s", result.output)
    logger.info("report: %s", result.report)
    return 0
