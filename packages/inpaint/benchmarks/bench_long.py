"""Memory and time for a lecture of two hours, next to one of ten minutes.

    python packages/inpaint/benchmarks/bench_long.py --out /tmp/bench_long

The lectures are generated frame by frame: parts of ten minutes, each with a room, a lecturer and a board of its own
(`maskreel.common.world.LectureScene`), and two seconds of an empty slide before each. `maskreel inpaint run` works in a
process of its own, whose largest resident set is what the kernel saw. The length of a job may cost time and disk, but
not memory.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from contextlib import ExitStack
from fractions import Fraction
from itertools import count, islice, repeat
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from _baselines import print_table, save_json

from maskreel.common.video import Clip, VideoWriter, probe
from maskreel.common.world import LectureScene

if TYPE_CHECKING:
    from collections.abc import Iterator

_SIZE, _FPS = (108, 192), Fraction(5)
_PART_SECONDS, _SLIDE_SECONDS = 600, 2
_SLIDE = (20, 30, 60)  # RGB

_CHILD = """
import sys
from pathlib import Path
from maskreel.common.cli import main
code = main(sys.argv[2:])
status = Path("/proc/self/status").read_text()
peak = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
Path(sys.argv[1]).write_text(peak)
sys.exit(code)
"""


def main() -> None:
    """Make the lectures, run the jobs and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for clips and results")
    parser.add_argument("--json", type=Path, help="keep the rows here too")
    parser.add_argument("--minutes", type=float, nargs=2, default=(10.0, 120.0), help="lengths of the two lectures")
    parser.add_argument("--given", action="store_true", help="give the masks; else they are found by motion")
    parser.add_argument("--workers", type=int, default=0, help="as for maskreel inpaint run")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    rows = []
    for minutes in options.minutes:
        folder = options.out / f"{minutes:g}min"
        video, mask = _lecture(folder, round(minutes * 60 * _FPS))
        rows.append(_row(video, mask if options.given else None, options.workers))
    for row in rows:
        row["memory ratio"] = row["peak MB"] / rows[0]["peak MB"]  # pyright: ignore[reportOperatorIssue]
    threads = os.environ.get("OMP_NUM_THREADS", "as many as there are cores")
    print_table(rows, title="Long lectures", note=f"Cores: {len(os.sched_getaffinity(0))}; threads of torch: {threads}")
    save_json(options.json, rows)


def _lecture(folder: Path, frames: int) -> tuple[Path, Path]:
    """The first frames of an endless lecture, and the lecturer's masks."""
    video, mask = folder / "video.mp4", folder / "mask.mkv"
    if mask.exists():
        return video, mask
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as files:
        pictures = files.enter_context(VideoWriter(video, fps=_FPS, size=_SIZE))
        marks = files.enter_context(VideoWriter(mask, fps=_FPS, size=_SIZE, codec="ffv1"))
        for index, (picture, marked) in enumerate(islice(_frames(), frames)):
            pictures.write(Clip.from_numpy(picture[None], _FPS, index / _FPS))
            marks.write(Clip.from_numpy(marked[None], _FPS, index / _FPS))
    return video, mask


def _frames() -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pictures and masks, uint8 (H, W, 3), of one part after another."""
    slide = np.full((*_SIZE, 3), _SLIDE, np.uint8)
    for seed in count():
        yield from repeat((slide, np.zeros_like(slide)), round(_SLIDE_SECONDS * _FPS))
        part = LectureScene(size=_SIZE, seconds=_PART_SECONDS, fps=_FPS, frames=None).open(seed)
        for index in range(part.frame_count):
            shot = part.render(index)
            yield shot.frame, np.repeat(shot.mask[..., None] * np.uint8(255), 3, axis=2)


def _row(video: Path, mask: Path | None, workers: int) -> dict[str, object]:
    output, peak = video.with_name("out.mp4"), video.with_name("peak.txt")
    flags = ["-o", str(output), "--workers", str(workers), *(["--masks", str(mask)] if mask else [])]
    command = [sys.executable, "-c", _CHILD, str(peak), "-q", "inpaint", "run", str(video), *flags]
    began = time.perf_counter()
    subprocess.run(command, check=True)
    seconds = time.perf_counter() - began
    frames = probe(output).frame_count or 0
    assert frames == probe(video).frame_count
    job = sum(path.stat().st_size for path in output.with_suffix(".job").rglob("*") if path.is_file())
    return {
        "length": video.parent.name,
        "size": f"{_SIZE[1]}x{_SIZE[0]}",
        "masks": "given" if mask else "by motion",
        "frames": frames,
        "seconds": seconds,
        "frames/s": frames / seconds,
        "job MB": job / 2**20,
        "peak MB": int(peak.read_text()) / 1024,
    }


if __name__ == "__main__":
    main()
