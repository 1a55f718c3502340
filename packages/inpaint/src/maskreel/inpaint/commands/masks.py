"""`maskreel inpaint masks`."""

from __future__ import annotations

import logging
from pathlib import Path  # noqa: TC003 (tyro reads annotations at run time)
from typing import Annotated

import tyro

from maskreel.inpaint.commands.run import bar
from maskreel.inpaint.config import InpaintConfig  # noqa: TC001 (tyro reads annotations at run time)
from maskreel.inpaint.inpainter import VideoInpainter

__all__ = ["masks"]

logger = logging.getLogger(__name__)


def masks(
    video: tyro.conf.Positional[Path],
    config: InpaintConfig,
    output: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None,
    masks: Path | None = None,
    job: Path | None = None,
) -> int:
    """Show what `run` would remove, before it does: a film of the video with the masks drawn over it.

    `run` with the same settings goes on from these masks.

    Args:
        video: A video file, or a folder of numbered frames.
        config: All settings; those of the fill change nothing here.
        output: The film to write, .mp4, .mkv or .mov; by default VIDEO.marked.mp4 beside the source.
        masks: What to remove: a mask video, a folder of mask images, or one image for the whole video.
        job: The folder for unfinished work; by default that of `run`.
    """
    film = VideoInpainter(config).mark(video, masks, output=output, job=job, watch=bar)
    logger.info("film: %s", film)
    return 0
