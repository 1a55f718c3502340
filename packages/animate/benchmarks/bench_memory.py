"""The memory of a long driving video beside that of a short one.

    python packages/animate/benchmarks/bench_memory.py  # an hour at one frame a second, and 10 s at 24
    python packages/animate/benchmarks/bench_memory.py --seconds 60 --fps 2

A rendered person dances, the same two seconds over and over; `maskreel animate run` with the small model makes each
film in a process of its own, whose largest resident set is printed (VmHWM of Linux, which begins anew with a program).
"""

from __future__ import annotations

import argparse
import itertools
import os
import subprocess
import sys
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

from maskreel.common.show import save_image
from maskreel.common.video import Clip, VideoWriter
from maskreel.common.world import ActorsScene

RUN = """
import sys
from pathlib import Path
from maskreel.common.cli import main

code = main(["-q", *sys.argv[1:]])
status = Path("/proc/self/status").read_text().splitlines()
print(next(line.split()[1] for line in status if line.startswith("VmHWM")))
sys.exit(code)
"""


class Film(NamedTuple):
    """A driving video."""

    name: str
    seconds: int
    fps: int


def main() -> None:
    """Print a row for each film."""
    options = _options()
    films = [Film("short", options.short_seconds, options.short_fps), Film("long", options.seconds, options.fps)]
    print(f"{'':8}{'seconds':>10}{'frames':>10}{'MB':>8}")
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        for film in films:
            _write(folder, film, options.size)
            megabytes = _peak(folder, film, options.threads)
            print(f"{film.name:8}{film.seconds:10}{film.seconds * film.fps:10}{megabytes:8.0f}", flush=True)


def _write(folder: Path, film: Film, size: int) -> None:
    """source.png and NAME.mp4, a frame at a time."""
    rate = Fraction(film.fps)
    scene = ActorsScene(size=(size, size), frames=2 * film.fps, fps=rate)
    dance = scene.compose(21, 22, 23).clip.frames
    save_image(folder / "source.png", scene.compose(11, 12, 13).clip.frames[0])
    turns = itertools.islice(itertools.cycle(range(len(dance))), film.seconds * film.fps)
    with VideoWriter(folder / f"{film.name}.mp4", fps=rate, size=(size, size)) as writer:
        for number, turn in enumerate(turns):
            writer.write(Clip(dance[turn : turn + 1], rate, number / rate))


def _peak(folder: Path, film: Film, threads: int) -> float:
    """Megabytes of the run at most."""
    words = [
        "animate",
        "run",
        folder / "source.png",
        folder / f"{film.name}.mp4",
        "-o",
        folder / f"{film.name}.made.mp4",
    ]
    command = [sys.executable, "-c", RUN, *map(str, words)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=_environment(threads))
    return int(done.stdout.split()[-1]) * 1024 / 1e6


def _environment(threads: int) -> dict[str, str]:
    return os.environ | {"OMP_NUM_THREADS": str(threads)}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=3600, help="of the long video")
    parser.add_argument("--fps", type=int, default=1, help="frames per second of the long video")
    parser.add_argument("--short-seconds", type=int, default=10)
    parser.add_argument("--short-fps", type=int, default=24)
    parser.add_argument("--size", type=int, default=256, help="height and width in pixels")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="for the films, by default that for temporary files")
    return parser.parse_args()


if __name__ == "__main__":
    main()
