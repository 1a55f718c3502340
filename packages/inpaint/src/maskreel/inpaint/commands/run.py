"""`maskreel inpaint run`."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from pathlib import Path  # noqa: TC003 (tyro reads annotations at run time)
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from maskreel.common.cli import preview_seconds, progress
from maskreel.inpaint.config import InpaintConfig  # noqa: TC001 (tyro reads annotations at run time)
from maskreel.inpaint.inpainter import VideoInpainter
from maskreel.inpaint.running.estimate import estimate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["bar", "run"]

logger = logging.getLogger(__name__)


def run(
    video: tyro.conf.Positional[Path],
    config: InpaintConfig,
    output: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None,
    masks: Path | None = None,
    job: Path | None = None,
    preview: str | None = None,
    dry_run: bool = False,
    workers: int = 0,
    slurm: str | None = None,
    plates: bool = False,
    keep_stages: tuple[Literal["masks", "flow", "completed", "confidence"], ...] = (),
) -> int:
    """Remove the moving people and things, or what masks mark, from a video.

    Sound, subtitles, frame rate and size are kept. A report page (.html), a picture of frames before and after
    (.sheet.jpg) and a record of the settings (.json) are written beside the result. Killed? Run the same command again:
    it goes on.

    Args:
        video: A video file, or a folder of numbered frames.
        config: All settings.
        output: The file to write, .mp4, .mkv or .mov; by default VIDEO.inpainted.mp4 beside the source.
        masks: What to remove: a mask video, a folder of mask images, or one image for the whole video.
        job: The folder for unfinished work; by default beside the output.
        preview: Work on the first seconds only, for example 5s.
        dry_run: Only tell what the job would take, in one process, from a trial on some frames.
        workers: Processes that share a long video, or jobs of the Slurm array; 0: this process alone, or 16 jobs. The
            result is the same.
        slurm: Partition of a Slurm cluster that does the work as an array of jobs; all its nodes must see the files.
            With --device cuda, each job asks for a GPU.
        plates: Write each shot's clean plate, the scene without what was removed, beside the result. A shot that is
            filled along flow has none.
        keep_stages: What to keep in the job folder of what comes between source and result, a file per frame and a
            film of each: masks, flow, completed (flow in the holes, too), confidence. Flow is there only for what is
            filled along it.
    """
    from maskreel.common.jobs import chosen_executor

    inpainter = VideoInpainter(config)
    seconds, executor = preview_seconds(preview), chosen_executor(workers, slurm, device=config.device)
    if dry_run:
        logger.info("%s", estimate(inpainter, video, masks, seconds=seconds))
        return 0
    result = inpainter.inpaint(
        video,
        masks,
        output=output,
        job=job,
        seconds=seconds,
        watch=bar,
        executor=executor,
        plates=plates,
        keep_stages=keep_stages,
    )
    logger.info("video:  %s", result.output)
    logger.info("report: %s", result.report)
    return 0


@contextmanager
def bar(stage: str, total: int) -> Iterator[Callable[[int], object]]:
    """A `Watch` that shows a bar for every stage."""
    with progress(description=f"{stage:6}", total=total) as shown:
        yield shown.update
