"""What an animation would take, measured on some of its frames."""

from __future__ import annotations

import copy
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from maskreel.animate.running.order import take_order

if TYPE_CHECKING:
    import os

    from maskreel.animate.animator import ImageAnimator
    from maskreel.animate.running.inputs import Inputs

__all__ = ["Estimate", "estimate"]

_BATCHES = 2


@dataclass(frozen=True)
class Estimate:
    """What an animation would take on this machine."""

    frames: int
    seconds: float
    disk_bytes: int
    """Of the unfinished work, about as much as the result."""

    def __str__(self) -> str:
        minutes, seconds = divmod(round(self.seconds), 60)
        each = self.frames / max(self.seconds, 1e-9)
        return (
            f"{self.frames} frames: about {minutes} min {seconds:02d} s ({each:.1f} frames per second), "
            f"{self.disk_bytes / 2**20:.0f} MiB"
        )


def estimate(
    animator: ImageAnimator,
    inputs: Inputs,
    *,
    output: str | os.PathLike[str] | None = None,
    job: str | os.PathLike[str] | None = None,
    seconds: float | None = None,
) -> Estimate:
    """Make the first frames in a folder that is thrown away, and scale up; loading the networks is not counted.

    Raises:
        InputError: as the animation itself would, which is not begun; `output` and `job` are only looked at.
    """
    _, driving, target, _ = take_order(inputs, animator.config, output=output, job=job, seconds=seconds)
    trial = min(driving.count, _BATCHES * animator.config.batch)
    with tempfile.TemporaryDirectory() as name:
        short = _starting_within(animator, trial)
        _ = short.model
        began = time.perf_counter()
        made = Path(name) / f"trial{target.path.suffix}"
        short.animate(
            inputs.source,
            inputs.driving,
            inputs.background,
            background_mask=inputs.background_mask,
            output=made,
            seconds=trial / float(driving.info.fps),
        )
        taken = time.perf_counter() - began
        written = sum(path.stat().st_size for path in ([made] if made.is_file() else made.iterdir()))
    scale = driving.count / trial
    return Estimate(driving.count, taken * scale, round(written * scale))


def _starting_within(animator: ImageAnimator, frames: int) -> ImageAnimator:
    """The same one, unless its starting frame lies beyond the trial."""
    start = animator.config.start
    if start == "auto" or start < frames:
        return animator
    other = copy.copy(animator)
    other.config = replace(animator.config, start=0)
    return other
