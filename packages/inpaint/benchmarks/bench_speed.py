"""Speed from file to file, speed of the fill alone, and memory of a long video against a short one.

    python packages/inpaint/benchmarks/bench_speed.py vtest.avi --out /tmp/bench_speed

Every job runs in a process of its own, from a video file to a video file with masks included; its peak memory is what
the kernel saw as its largest resident set. The stage `fill` reads, fills and writes frames; "coding alone" reads and
writes the same video without doing anything to it, so the difference is the fill itself. Run it on an idle machine.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from _baselines import SEED_SECONDS_PER_FRAME, frame_total, peak_megabytes, print_table, run_inpainter, save_json

from maskreel.common.video import VideoWriter, iterate, probe
from maskreel.common.world import LectureScene, write_lecture
from maskreel.inpaint import InpaintConfig

if TYPE_CHECKING:
    from maskreel.common.world import LectureTake

_TIMES_LONGER = 10


def main() -> None:
    """Run all jobs and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path, help="vtest.avi")
    parser.add_argument("--out", type=Path, required=True, help="folder for clips and results")
    parser.add_argument("--json", type=Path, help="keep the rows here too")
    parser.add_argument("--seconds", type=float, default=50.0, help="length of the generated lectures")
    parser.add_argument("--short-frames", type=int, default=200, help="length of the short clip of the memory test")
    parser.add_argument("--child", type=Path, metavar="MASKS", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(_measure(options.video, options.child, options.out)))
        return
    options.out.mkdir(parents=True, exist_ok=True)
    rows = [_row("vtest, file to file", options.video, None, options.out / "vtest")]
    for camera in ("static", "handheld"):
        video, _, mask = write_lecture(_lecture(options.seconds, camera), options.out / camera)
        rows.append(_row(f"lecture, {camera}, masks given", video, mask, options.out / camera / "given"))
        rows.append(_row(f"lecture, {camera}, own masks", video, None, options.out / camera / "own"))
    seed = f"The seed's system: {SEED_SECONDS_PER_FRAME} s a frame. Cores: {len(os.sched_getaffinity(0))}."
    print_table(rows, title="Speed", note=seed)
    memory = _memory(options.out, options.short_frames)
    print_table(memory, title=f"Memory of a {_TIMES_LONGER} times longer video")
    save_json(options.json, rows + memory)


def _lecture(seconds: float, camera: Literal["static", "handheld"] = "static") -> LectureTake:
    return LectureScene(camera=camera, seconds=seconds, frames=None).open(0)


def _memory(out: Path, frames: int) -> list[dict[str, object]]:
    """Peak memory for a short lecture and for the same one looped."""
    short = write_lecture(_lecture(frames / 10), out / "short")[0]
    long = out / "long.mkv"
    info = probe(short)
    length = frame_total(short) / info.fps
    with VideoWriter(long, fps=info.fps, size=info.size, codec="ffv1") as writer:
        for repeat in range(_TIMES_LONGER):
            for clip in iterate(short):
                writer.write(replace(clip, start=clip.start + repeat * length))
    rows = [_row(f"{frames} frames", short, None, out / "short_job")]
    rows.append(_row(f"{frames * _TIMES_LONGER} frames", long, None, out / "long_job"))
    for row in rows:
        row["ratio"] = row["peak MB"] / rows[0]["peak MB"]  # pyright: ignore[reportOperatorIssue]
    return rows


def _row(name: str, video: Path, masks: Path | None, folder: Path) -> dict[str, object]:
    """One job in a process of its own."""
    arguments = [str(video), "--out", str(folder), "--child", str(masks or os.devnull)]
    done = subprocess.run([sys.executable, __file__, *arguments], check=True, stdout=subprocess.PIPE, text=True)
    found = json.loads(done.stdout.splitlines()[-1])
    frames = found["frames"]
    return {
        "job": name,
        "size": found["size"],
        "frames": frames,
        "mode": found["mode"],
        "frames/s": frames / found["seconds"],
        "s/frame": found["seconds"] / frames,
        **{f"{stage} s/frame": found["stages"].get(stage, 0.0) / frames for stage in ("survey", "masks", "fill")},
        "coding alone s/frame": found["coding"] / frames,
        "fill less coding s/frame": (found["stages"].get("fill", 0.0) - found["coding"]) / frames,
        "peak MB": found["peak_mb"],
    }


def _measure(video: Path, masks: Path, folder: Path) -> dict[str, object]:
    begin = time.perf_counter()
    given = None if str(masks) == os.devnull else masks
    result, stages = run_inpainter(InpaintConfig(), video, given, folder)
    seconds, peak = time.perf_counter() - begin, peak_megabytes()
    info = probe(video)
    return {
        "frames": info.frame_count,
        "size": f"{info.size[1]}x{info.size[0]}",
        "mode": "+".join(sorted(set(result.summary.modes))),
        "seconds": seconds,
        "stages": stages,
        "peak_mb": peak,
        "coding": _coding_seconds(video, folder / "copy.mp4"),
    }


def _coding_seconds(video: Path, copy: Path) -> float:
    begin = time.perf_counter()
    info = probe(video)
    with VideoWriter(copy, fps=info.fps, size=info.size, crf=InpaintConfig().crf) as writer:
        for clip in iterate(video):
            writer.write(clip)
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()
