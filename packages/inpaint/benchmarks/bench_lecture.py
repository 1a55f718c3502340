"""Generated lecture clips with exact truth: maskreel's modes and policies beside simple baselines.

    python packages/inpaint/benchmarks/bench_lecture.py --out /tmp/bench_lecture

For a static and a hand-held camera it makes a lecture (maskreel.common.world.LectureScene), removes the lecturer and
compares with the noise-free plate. All rows are scored in the same holes: the exact mask of the lecturer, grown by
2 px, so a row with masks of its own also pays for what they miss. The output is lossless, so that codecs do not count.
The frames have sensor noise of 2 grey levels: a perfect copy of one noisy sample has 42.0 dB, an average of several
more.
"""

from __future__ import annotations

import argparse
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from _baselines import (
    SEED_SECONDS_PER_FRAME,
    Score,
    frames_of,
    global_median,
    masks_of,
    print_table,
    run_inpainter,
    save_json,
    save_strips,
    score,
    telea,
    timed,
)

from maskreel.common.world import LectureScene, write_lecture
from maskreel.inpaint import InpaintConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import torch

    from maskreel.common.world import LectureTake
    from maskreel.inpaint import InpaintResult

_SCORED_MARGIN = 2.0


def main() -> None:
    """Run all rows and print one table per camera."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for clips, results and pictures")
    parser.add_argument("--json", type=Path, help="keep the rows here too")
    parser.add_argument("--cameras", nargs="+", choices=("static", "handheld"), default=("static", "handheld"))
    parser.add_argument("--seconds", type=float, default=50.0)
    parser.add_argument("--fps", type=Fraction, default=Fraction(10))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--board", choices=("white", "green"), default="white")
    options = parser.parse_args()
    rows = []
    for camera in options.cameras:
        scene = LectureScene(camera=camera, seconds=options.seconds, fps=options.fps, frames=None, board=options.board)
        rows += _bench(scene.open(options.seed), options.out / camera)
    save_json(options.json, rows)


def _bench(lecture: LectureTake, out: Path) -> list[dict[str, object]]:
    clip = _Clip(lecture, out)
    auto = InpaintConfig(lossless=True)
    rows = [
        clip.maskreel("auto, own masks", auto, own_masks=True),
        clip.maskreel("auto, true masks", auto),
        *(clip.maskreel(f"--reveal {name}", InpaintConfig(lossless=True, reveal=name)) for name in _REVEALS),
        clip.baseline("Telea, every frame", telea),
        clip.baseline("global masked median", global_median),
    ]
    camera, (height, width) = lecture.scene.camera, lecture.scene.size
    title = f"Lecture, {camera} camera, {width}x{height}, {lecture.frame_count} frames"
    note = (
        "Fill: the stage that reads, fills and writes a frame (lossless here); baselines: reading and filling. "
        f"The seed's system needed {SEED_SECONDS_PER_FRAME} s a frame. Masks are the true ones unless own."
    )
    print_table(rows, title=title, note=note)
    last = lecture.frame_count - 1
    videos = {name: out / path for name, path in _STRIPS.items()}
    save_strips(out / "strips.png", videos, [last * k // 7 for k in range(1, 7)])
    print(f"Pictures: {out / 'strips.png'}")
    return [{"camera": camera, **row} for row in rows]


_REVEALS = ("future", "past", "nearest")
_STRIPS = {
    "source": "video.mkv",
    "truth": "plate.mkv",
    "auto, own masks": "auto, own masks/output.mkv",
    "auto, true masks": "auto, true masks/output.mkv",
}


class _Clip:
    """One lecture on disk."""

    def __init__(self, lecture: LectureTake, out: Path) -> None:
        self.out = out
        self.video, self.plate, self.mask = write_lecture(lecture, out)

    def maskreel(self, name: str, config: InpaintConfig, *, own_masks: bool = False) -> dict[str, object]:
        result, seconds = run_inpainter(config, self.video, None if own_masks else self.mask, self.out / name)
        modes = "+".join(sorted(set(result.summary.modes)))
        row = self._row(f"{name} ({modes})", self._score(frames_of(result.output)), seconds.get("fill", float("nan")))
        return row | self._coverage(result)

    def baseline(self, name: str, method: Callable[[Path, Path], Iterator[torch.Tensor]]) -> dict[str, object]:
        seconds: list[float] = []
        result = self._score(timed(method(self.video, self.mask), seconds))
        return self._row(name, result, sum(seconds))

    def _coverage(self, result: InpaintResult) -> dict[str, object]:
        """How much of the lecturer was replaced, and how much was replaced in all."""
        used = chain.from_iterable(result.masks())
        pairs = zip(used, chain.from_iterable(masks_of(self.mask)), strict=True)
        hit, true, replaced = (sum(counts) for counts in zip(*map(_counts, pairs), strict=True))
        return {"lecturer covered %": 100 * hit / true, "replaced / lecturer": replaced / true}

    def _score(self, frames: Iterator[torch.Tensor]) -> Score:
        return score(frames, frames_of(self.plate), masks_of(self.mask, grow=_SCORED_MARGIN))

    def _row(self, name: str, result: Score, seconds: float) -> dict[str, object]:
        frames = sum(len(masks) for masks in masks_of(self.mask))
        return {
            "method": name,
            "hole PSNR dB": result.psnr,
            "per-frame mean dB": result.frame_psnr,
            "flicker": result.flicker,
            "fill s/frame": seconds / frames,
        }


def _counts(pair: tuple[torch.Tensor, torch.Tensor]) -> tuple[int, int, int]:
    used, true = pair
    return int((used & true).sum()), int(true.sum()), int(used.sum())


if __name__ == "__main__":
    main()
