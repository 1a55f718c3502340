"""What a job would take, measured on some of its frames."""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from maskreel.common.video import probe
from maskreel.inpaint.running.chunks import frames_per_chunk
from maskreel.inpaint.running.reading import count_frames

if TYPE_CHECKING:
    from maskreel.inpaint.inpainter import VideoInpainter

__all__ = ["Estimate", "estimate"]


@dataclass(frozen=True)
class Estimate:
    """What a job would take on this machine."""

    frames: int
    seconds: float
    peak_bytes: int
    """Memory of the whole process at its peak; 0 on Windows, where it is not known."""
    disk_bytes: int
    """The job folder and the result."""

    def __str__(self) -> str:
        minutes, seconds = divmod(round(self.seconds), 60)
        memory = f" {self.peak_bytes / 2**30:.1f} GiB of memory," if self.peak_bytes else ""
        disk = f" {self.disk_bytes / 2**20:.0f} MiB on disk"
        return f"{self.frames} frames: about {minutes} min {seconds:02d} s,{memory}{disk}"


def estimate(
    inpainter: VideoInpainter, video: Path, masks: Path | None = None, *, seconds: float | None = None
) -> Estimate:
    """Run the job on the first frames, in a folder that is thrown away, and scale up to the first `seconds` or to all.

    Raises:
        InputError: if a file cannot be used.
    """
    info = probe(video)
    total = count_frames(info, seconds)
    frames = min(total, 2 * frames_per_chunk(info.size))
    with tempfile.TemporaryDirectory() as name:
        began = time.perf_counter()
        output = Path(name) / f"trial{'.mkv' if inpainter.config.lossless else '.mp4'}"
        inpainter.inpaint(video, masks, output=output, seconds=frames / float(info.fps))
        taken = time.perf_counter() - began
        written = sum(path.stat().st_size for path in Path(name).rglob("*") if path.is_file())
    scale = total / frames
    return Estimate(total, taken * scale, _peak_bytes(), round(written * scale))


def _peak_bytes() -> int:
    try:
        import resource
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
