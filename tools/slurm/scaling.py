"""What sharing a video gains and costs: among processes, or the jobs of a Slurm array.

    python tools/slurm/scaling.py [--frames 240] [--size 240 432] [--mode auto] [--workers 1 2 4] [--slurm PARTITION]

A block that walks before a scene is removed by one process, and by workers that share the video. The bytes of the
results are compared. Of processes, processor time is measured, so that other work on the machine does not count:
"busiest" is that of the command plus that of one worker of each stage, if all workers have equal pieces, which is how
long the run takes where each has a core of its own. Of Slurm jobs, time on the clock is measured, from submission on;
all nodes must see the folder SCRATCH, if that is set, or else that for temporary files.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from maskreel.common.jobs import LocalProcesses, Slurm

os.environ.setdefault("OMP_NUM_THREADS", "1")


def make_clip(path: Path, frames: int, height: int, width: int) -> None:
    """Smooth noise with a dark block that walks to and fro."""
    import cv2
    import numpy as np

    from maskreel.common.video import Clip, write

    noise = np.random.default_rng(0).uniform(-1, 1, (height, width, 3)).astype(np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), 2)
    film = np.repeat(np.clip(soft * 40 / soft.std() + 127, 0, 255).astype(np.uint8)[None], frames, axis=0)
    for t, frame in enumerate(film):
        left = abs(t % (2 * (width - 24)) - (width - 24))
        frame[height // 4 : 3 * height // 4, left : left + 24] = 10
    write(path, Clip.from_numpy(film, Fraction(25)), codec="ffv1")


def seconds(who: int) -> float:
    """Of the processor."""
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


class Run(NamedTuple):
    """What one way of doing it took, in seconds, and gave."""

    clock: float
    command: float
    """Of the processor."""
    workers: float
    """Likewise, of all processes together."""
    film: bytes


def measured(clip: Path, mode: str, executor: LocalProcesses | Slurm | None) -> Run:
    from maskreel.inpaint import InpaintConfig, VideoInpainter

    place = Path(tempfile.mkdtemp(dir=clip.parent))
    config = InpaintConfig(mode=mode, lossless=True)  # pyright: ignore[reportArgumentType] (it refuses what it must)
    begun, own, shared = time.monotonic(), seconds(resource.RUSAGE_SELF), seconds(resource.RUSAGE_CHILDREN)
    VideoInpainter(config).inpaint(clip, output=place / "out.mkv", executor=executor)
    own, shared = seconds(resource.RUSAGE_SELF) - own, seconds(resource.RUSAGE_CHILDREN) - shared
    return Run(time.monotonic() - begun, own, shared, (place / "out.mkv").read_bytes())


def in_processes(clip: Path, mode: str, workers: int, alone: Run) -> str:
    from maskreel.common.jobs import LocalProcesses

    run = measured(clip, mode, LocalProcesses(workers))
    busiest = run.command + run.workers / workers
    return (
        f"{workers} workers: {run.command:.1f} s the command, {run.workers:.1f} s all workers; "
        f"busiest {busiest:.1f} s, {alone.command / busiest:.2f} times one process; {same(run, alone)}"
    )


def in_jobs(clip: Path, mode: str, jobs: int, alone: Run, partition: str) -> str:
    from maskreel.common.jobs import Slurm

    run = measured(clip, mode, Slurm(partition, parallel=jobs))
    return (
        f"{jobs} jobs at a time: {run.clock:.1f} s, {alone.clock / run.clock:.2f} times one process; {same(run, alone)}"
    )


def same(run: Run, alone: Run) -> str:
    return f"{'same' if run.film == alone.film else 'OTHER'} bytes"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=240)
    parser.add_argument("--size", type=int, nargs=2, default=[240, 432], help="height and width")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--mode", default="auto", help="of inpaint")
    parser.add_argument("--slurm", metavar="PARTITION", help="an array of jobs there in place of processes")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=os.environ.get("SCRATCH")) as place:
        clip = Path(place) / "clip.mkv"
        height, width = options.size
        make_clip(clip, 24, height, width)
        measured(clip, options.mode, None)  # loads what is slow to load
        make_clip(clip, options.frames, height, width)
        alone = measured(clip, options.mode, None)
        print(
            f"one process: {alone.command:.1f} s of the processor, {alone.clock:.1f} s on the clock, for "
            f"{options.frames} frames of {width}x{height}",
            flush=True,
        )
        for workers in options.workers:
            if options.slurm is None:
                print(in_processes(clip, options.mode, workers, alone), flush=True)
            else:
                print(in_jobs(clip, options.mode, workers, alone, options.slurm), flush=True)


if __name__ == "__main__":
    main()
