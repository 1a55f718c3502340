"""`maskreel animate motion`."""

from __future__ import annotations

import logging
from pathlib import Path  # noqa: TC003 (tyro reads annotations at run time)
from typing import Annotated, Literal

import tyro

from maskreel.animate.commands._shared import bar
from maskreel.animate.config import AnimateConfig, FramingChoice
from maskreel.common.cli import preview_seconds

__all__ = ["motion"]

logger = logging.getLogger(__name__)


def motion(
    driving: tyro.conf.Positional[Path],
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])],
    weights: str | None = None,
    driving_framing: FramingChoice = "auto",
    mask_border: Literal["model", "zero", "replicate"] = "model",
    batch: int = 8,
    device: Literal["auto", "cpu", "cuda"] = "auto",
    preview: str | None = None,
) -> int:
    """Save the motion of a driving video without its pictures, to animate with it later.

    The file holds the masks of the subject and the times of the frames, so whoever gets it sees how somebody moves, not
    who. `maskreel animate run SOURCE MOTION.npz`, with the same weights, makes the frames that it would make of the
    video; there is no sound.

    Args:
        driving: A video, GIF or folder of numbered frames.
        output: What to write, .npz.
        weights: What `maskreel animate train` wrote (.safetensors); by default the small model of the package.
        driving_framing: The square of the frames that the networks see, as for run.
        mask_border: What stands in the outer 3 pixels of masks, as for run.
        batch: Driving frames that go through the network together.
        device: Where the network works; auto: on CUDA where there is a device.
        preview: Save the first seconds only, for example 5s.
    """
    from maskreel.animate.animator import ImageAnimator

    config = AnimateConfig(
        weights=weights, driving_framing=driving_framing, mask_border=mask_border, batch=batch, device=device
    )
    seconds = preview_seconds(preview)
    logger.info("%s", ImageAnimator(config).save_motion(driving, output, seconds=seconds, watch=bar))
    return 0
