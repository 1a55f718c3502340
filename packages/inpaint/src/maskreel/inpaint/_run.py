"""`maskreel inpaint run`."""

from __future__ import annotations

import logging
import re
from contextlib import contextmanager
from pathlib import Path  # noqa: TC003 (tyro reads annotations at run time)
from typing import TYPE_CHECKING, Annotated

import tyro

from maskreel.common.cli import progress
from maskreel.common.errors import InputError
from maskreel.inpaint.config import InpaintConfig  # noqa: TC001 (tyro reads annotations at run time)
from maskreel.inpaint.estimate import estimate
from maskreel.inpaint.inpainter import VideoInpainter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["run"]

logger = logging.getLogger(__name__)


def run(
    video: tyro.conf.Positional[Path],
    config: InpaintConfig,
    output: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None,
    masks: Path | None = None,
    job: Path | None = None,
    preview: str | None = None,
    dry_run: bool = False,
) -> int:
    """Remove the moving people and things, or what masks mark, from a video.

    Sound, subtitles, frame rate and size are kept. A report page (.html), a picture of frames before and after (.jpg)
    and a record of the settings (.json) are written beside the result. Killed? Run the same command again: it goes on.

    Args:
        video: A video file, or a folder of numbered frames.
        config: All settings.
        output: The file to write, .mp4, .mkv or .mov; by default VIDEO.inpainted.mp4 beside the source.
        masks: What to remove: a mask video, a folder of mask images, or one image for the whole video.
        job: The folder for unfinished work; by default beside the output.
        preview: Work on the first seconds only, for example 5s.
        dry_run: Only tell what the job would take, from a trial on some frames.
    """
    inpainter = VideoInpainter(config)
    if dry_run:
        logger.info("%s", estimate(inpainter, video, masks))
        return 0
    seconds = None if preview is None else _seconds(preview)
    result = inpainter.inpaint(video, masks, output=output, job=job, seconds=seconds, watch=_bar)
    logger.info("video:  %s", result.output)
    logger.info("report: %s", result.report)
    return 0


@contextmanager
def _bar(stage: str, total: int) -> Iterator[Callable[[int], object]]:
    with progress(description=f"{stage:6}", total=total) as bar:
        yield bar.update


def _seconds(text: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*s?", text)
    if match is None or float(match[1]) == 0:
        raise InputError(f"--preview {text}: write a number of seconds above 0, for example 5s")
    return float(match[1])
