"""What an array of jobs gains and costs, in processor time, so that other work on the machine does not count.

    python tools/slurm/scaling.py [--frames 240] [--size 240 432] [--workers 1 2 4]

A block that walks before a scene is removed by one process, and by workers that share the video. "busiest" is the
processor time of the command plus that of one worker of each stage, if all workers have equal pieces: how long the run
takes where each has a core of its own. The bytes of the results are compared.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
from fractions import Fraction
from pathlib import Path

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


def measured(clip: Path, workers: int) -> tuple[float, float, bytes]:
    """Processor time of the command and of all its workers together, and the result."""
    from maskreel.common.jobs import LocalProcesses
    from maskreel.inpaint import InpaintConfig, VideoInpainter

    place = Path(tempfile.mkdtemp(dir=clip.parent))
    before = seconds(resource.RUSAGE_SELF), seconds(resource.RUSAGE_CHILDREN)
    executor = LocalProcesses(workers) if workers else None
    VideoInpainter(InpaintConfig(lossless=True)).inpaint(clip, output=place / "out.mkv", executor=executor)
    after = seconds(resource.RUSAGE_SELF), seconds(resource.RUSAGE_CHILDREN)
    return after[0] - before[0], after[1] - before[1], (place / "out.mkv").read_bytes()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=240)
    parser.add_argument("--size", type=int, nargs=2, default=[240, 432], help="height and width")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        clip = Path(place) / "clip.mkv"
        height, width = options.size
        make_clip(clip, 24, height, width)
        measured(clip, 0)  # loads what is slow to load
        make_clip(clip, options.frames, height, width)
        alone, _, expected = measured(clip, 0)
        print(f"one process: {alone:.1f} s for {options.frames} frames of {width}x{height}", flush=True)
        for workers in options.workers:
            command, shared, found = measured(clip, workers)
            busiest = command + shared / workers
            print(
                f"{workers} workers: {command:.1f} s the command, {shared:.1f} s all workers; busiest {busiest:.1f} s, "
                f"{alone / busiest:.2f} times one process; {'same' if found == expected else 'OTHER'} bytes",
                flush=True,
            )


if __name__ == "__main__":
    main()
