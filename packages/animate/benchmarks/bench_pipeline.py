"""What an animation takes from file to file: decoding, framing, networks, compositing and encoding, with the report.

    python packages/animate/benchmarks/bench_pipeline.py
    python packages/animate/benchmarks/bench_pipeline.py --threads 2 --rounds 5 --json pipeline.json

One rendered person moves as another does, in a clip of --frames frames: before the source's own background, before a
picture by plain blending, and before a picture by BGBase and BGRefine. The jobs alternate and the best of several
rounds counts. Time on the processor, of all threads, so that it holds on a machine with other work; the networks are
loaded, and warmed up by one run, before the clock starts. Frames per second are those of one processor core.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch

from maskreel.animate import AnimateConfig, ImageAnimator
from maskreel.common.show import save_image
from maskreel.common.video import write
from maskreel.common.world import ActorsScene

JOBS: dict[str, tuple[str | None, dict[str, Any]]] = {
    "plain": (None, {}),
    "swap by blending": ("behind.png", {}),
    "swap by networks": ("behind.png", {"swap": "network"}),
}
"""Background and settings."""


def main() -> None:
    """Print a row for each job."""
    options = _options()
    torch.set_num_threads(options.threads)
    animators = {name: _animator(options, settings) for name, (_, settings) in JOBS.items()}
    times: dict[str, list[float]] = {name: [] for name in JOBS}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _render(folder, options.frames, options.size)
        for number in range(options.rounds + 1):
            for job, (background, _) in JOBS.items():
                taken = _taken(animators[job], folder, background)
                if number:  # the first one warms up
                    times[job].append(taken / options.frames)
    print(f"{options.frames} frames of {options.size} pixels, {options.threads} threads, best of {options.rounds}")
    print(f"{'':18}{'ms per frame':>14}{'frames per second':>20}")
    for job, each in times.items():
        print(f"{job:18}{1000 * min(each):14.1f}{1 / min(each):20.1f}")
    if options.json:
        record = {
            "frames": options.frames,
            "size": options.size,
            "threads": options.threads,
            "seconds_per_frame": times,
        }
        options.json.write_text(json.dumps(record, indent=2) + "\n")


def _animator(options: argparse.Namespace, settings: dict[str, Any]) -> ImageAnimator:
    animator = ImageAnimator(AnimateConfig(weights=options.weights, **settings))
    _ = animator.model  # loads it
    return animator


def _render(folder: Path, frames: int, size: int) -> None:
    scene = ActorsScene(size=(size, size), frames=frames, fps=Fraction(24))
    source, driving = scene.compose(11, 12, 13), scene.compose(21, 22, 23)
    save_image(folder / "source.png", source.clip.frames[0])
    save_image(folder / "behind.png", driving.plate[0])
    write(folder / "driving.mp4", driving.clip)


def _taken(animator: ImageAnimator, folder: Path, background: str | None) -> float:
    """Seconds of the processor."""
    behind = None if background is None else folder / background
    start = time.process_time()
    animator.animate(folder / "source.png", folder / "driving.mp4", behind, output=folder / "made.mp4")
    return time.process_time() - start


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=24)
    parser.add_argument("--size", type=int, default=256, help="height and width of source and driving video in pixels")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--weights", help="default: the small model of the package")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
