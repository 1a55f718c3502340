"""What an animation would take, measured on some of its frames."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from maskreel.animate.backdrop import is_transparent
from maskreel.animate.running.inputs import open_driving

if TYPE_CHECKING:
    from maskreel.animate.animator import ImageAnimator

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
    animator: ImageAnimator, source: Path, driving: Path, background: str | None = None, *, seconds: float | None = None
) -> Estimate:
    """Make the first frames in a folder that is thrown away, and scale up; loading the networks is not counted.

    Raises:
        InputError: a file cannot be used.
    """
    frames = open_driving(driving, seconds=seconds)
    trial = min(frames.count, _BATCHES * animator.config.batch)
    suffix = ".mkv" if animator.config.lossless else ".mp4"
    if frames.picture is not None:
        suffix = ".png"
    elif background is not None and is_transparent(background):
        suffix = ".mov"
    _ = animator.model
    with tempfile.TemporaryDirectory() as name:
        began = time.perf_counter()
        output = Path(name) / f"trial{suffix}"
        animator.animate(source, driving, background, output=output, seconds=trial / float(frames.info.fps))
        taken = time.perf_counter() - began
        written = output.stat().st_size
    scale = frames.count / trial
    return Estimate(frames.count, taken * scale, round(written * scale))
