"""Speed of the propagation against a direct implementation of the published loop, on the same flows, in one run.

    OMP_NUM_THREADS=1 python packages/inpaint/benchmarks/bench_propagation.py --out /tmp/bench_propagation

A texture moves behind a hole as large as a person, whose core is never seen; the flow is the true one with smooth
errors, and wrong in one corner of the hole. The direct implementation (numpy, full frames, colours and moments warped
anew in every pass, as Xu et al., CVPR 2019, publish it) and `rule="published"` must give the same frames, bit for bit;
otherwise the run fails. Flows lie in memory, in the right size, for all; painting is left out of all times. Seconds are
processor time of one thread. "thrifty" is the direct implementation with one waste less: the published code finds
every warp twice, once for the colours and once for the moments. `rule="ours"` is timed too; its frames differ, as it
keeps fractions of pixels.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from _baselines import print_table, save_json

from maskreel.common.show import save_image
from maskreel.inpaint.flow.completer import FlowPair
from maskreel.inpaint.flow.fill import FlowFillConfig, _Filling
from maskreel.inpaint.flow.hole_links import link_holes
from maskreel.inpaint.flow.propagation import Hole
from maskreel.inpaint.painting.hole_fill import fill_image

if TYPE_CHECKING:
    from collections.abc import Callable

    from maskreel.inpaint.flow.hole_links import Rule

_THRESHOLD = 3.0


@dataclass(frozen=True)
class Scene:
    """What all implementations get."""

    frames: np.ndarray
    masks: np.ndarray
    pairs: list[FlowPair]


@dataclass
class Painter:
    """Telea, which tells how much processor time it took."""

    seconds: float = field(default=0.0)

    def __call__(self, image: np.ndarray, mask: np.ndarray) -> np.ndarray:
        begin = time.process_time()
        painted = fill_image(image, mask)
        self.seconds += time.process_time() - begin
        return painted


def main() -> None:
    """Run all implementations and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for a picture of the scene and the result")
    parser.add_argument("--json", type=Path, help="keep the rows here too")
    parser.add_argument("--frames", type=int, default=12)
    parser.add_argument("--size", type=int, nargs=2, default=(480, 840), metavar=("HEIGHT", "WIDTH"))
    options = parser.parse_args()
    cv2.setNumThreads(1)
    scene = make_scene(options.frames, tuple(options.size))
    hole = float(scene.masks.mean())
    rows: list[dict[str, object]] = []
    for name, limit in (("one pass", 0), ("to completion", 99)):
        direct, direct_time, passes = _timed(lambda p, n=limit: direct_fill(scene, n, p, thrifty=False))
        thrifty, thrifty_time, _ = _timed(lambda p, n=limit: direct_fill(scene, n, p, thrifty=True))
        published, published_time, _ = _timed(lambda p, n=limit: our_fill(scene, n, p, "published"))
        _, ours_time, _ = _timed(lambda p, n=limit: our_fill(scene, n, p, "ours"))
        if not (np.array_equal(direct, published) and np.array_equal(direct, thrifty)):
            raise RuntimeError(f"{name}: results differ in {np.count_nonzero((direct != published).any(-1))} pixels")
        rows.append(
            {
                "run": name,
                "passes": passes,
                "direct s/frame": direct_time / len(scene.frames),
                "thrifty s/frame": thrifty_time / len(scene.frames),
                "published s/frame": published_time / len(scene.frames),
                "ours s/frame": ours_time / len(scene.frames),
                "times faster": direct_time / published_time,
                "than thrifty": thrifty_time / published_time,
            }
        )
        _save_picture(options.out / f"{name.replace(' ', '_')}.png", scene, published)
    height, width = scene.masks.shape[1:]
    note = f"{len(scene.frames)} frames of {width}x{height}, {hole:.1%} hole; results identical, bit for bit."
    print_table(rows, title="Propagation", note=note)
    save_json(options.json, rows)


def _timed(fill: Callable[[Painter], tuple[np.ndarray, int]]) -> tuple[np.ndarray, float, int]:
    """Frames, processor seconds without painting, and the number of passes."""
    painter = Painter()
    begin = time.process_time()
    frames, passes = fill(painter)
    return frames, time.process_time() - begin - painter.seconds, passes


def make_scene(count: int, size: tuple[int, int]) -> Scene:
    """A moving texture with holes, and flow that is nearly right."""
    rng = np.random.default_rng(0)
    height, width = size
    step = np.array([12, 1])
    noise = rng.integers(0, 256, (height + count * step[1], width + count * step[0], 3)).astype(np.uint8)
    plane = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 3), None, 20, 235, cv2.NORM_MINMAX)  # pyright: ignore
    frames = np.stack([plane[t * step[1] :, t * step[0] :][:height, :width] for t in range(count)])
    y, x = np.mgrid[:height, :width]
    across = [(x - width * (0.5 + 0.01 * np.sin(t))) / (width * 0.13) for t in range(count)]
    masks = np.stack([part**2 + ((y - height * 0.5) / (height * 0.4)) ** 2 < 1 for part in across])
    wrong = (np.abs(x - width * 0.55) < 20) & (np.abs(y - height * 0.3) < 20)
    pairs = [
        FlowPair(_flow(rng, -step, size), _flow(rng, step, size) + 3 * wrong[..., None].astype(np.float32), masks[t])
        for t in range(count - 1)
    ]
    return Scene(frames, masks, pairs)


def _flow(rng: np.random.Generator, motion: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    coarse = 0.4 * rng.standard_normal((size[0] // 40, size[1] // 40, 2)).astype(np.float32)
    smooth = cv2.resize(coarse, size[::-1], interpolation=cv2.INTER_CUBIC)
    return (smooth + motion).astype(np.float32)


def our_fill(scene: Scene, limit: int, painter: Painter, rule: Rule) -> tuple[np.ndarray, int]:
    """The package's propagation; frames and 0. After `limit` passes with key frames the rest is painted."""
    config = FlowFillConfig(rule=rule, threshold_px=_THRESHOLD, iterations=limit, match_exposure=False)
    holes = [Hole.of(mask) for mask in scene.masks]
    linked = link_holes(holes, enumerate(scene.pairs), rule=rule, threshold_px=_THRESHOLD)
    filling = _Filling(scene.frames, scene.masks, linked, np.ones((len(holes), 3)), config, painter, None)
    filling.run()
    return filling.frames, 0


def direct_fill(scene: Scene, limit: int, painter: Painter, *, thrifty: bool) -> tuple[np.ndarray, int]:
    """The published loop on full frames, with the last frame included; frames and the number of passes."""
    pool, holes = list(scene.frames.copy()), list(scene.masks.copy())
    passes = 0
    while True:
        pool, holes = _direct_pass(scene, pool, holes, thrifty=thrifty)
        passes += 1
        rest = [t for t, hole in enumerate(holes) if hole.any()]
        if not rest:
            return np.stack(pool), passes
        keys = [t for t in rest if t - 1 not in rest or t + 1 not in rest] if passes <= limit else rest
        for t in keys:
            pool[t] = painter(pool[t], holes[t])
            holes[t] = np.zeros_like(holes[t])
        if passes > limit:
            return np.stack(pool), passes


def _direct_pass(
    scene: Scene, pool: list[np.ndarray], holes: list[np.ndarray], *, thrifty: bool
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    count = len(pool)
    ways = []
    for order, step in ((range(count), -1), (range(count - 1, -1, -1), 1)):
        colours: list[np.ndarray] = [np.zeros(0)] * count
        moments: list[np.ndarray] = [np.zeros(0)] * count
        for t in order:
            if t == order[0]:
                colour, moment = np.zeros_like(pool[t]), np.full(holes[t].shape, -1)
            else:
                pair = scene.pairs[min(t, t + step)]
                flow, back = (pair.backward, pair.forward) if step < 0 else (pair.forward, pair.backward)
                valid, y, x = _direct_warp(flow, back)
                colour = np.zeros_like(pool[t])
                colour[valid] = colours[t + step][y, x]
                if not thrifty:
                    valid, y, x = _direct_warp(flow, back)
                moment = np.full(holes[t].shape, -1)
                moment[valid] = moments[t + step][y, x]
            known = ~holes[t]
            colour[known] = pool[t][known]
            moment[known] = t
            colours[t], moments[t] = colour, moment
        ways.append((colours, moments))
    merged = [_direct_merge(t, *(way[k][t] for way in ways for k in (0, 1))) for t in range(count)]
    return [colour for colour, _ in merged], [hole for _, hole in merged]


def _direct_merge(
    t: int, past: np.ndarray, past_moment: np.ndarray, future: np.ndarray, future_moment: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    no_past, no_future = past_moment == -1, future_moment == -1
    span = np.maximum(future_moment - past_moment, 1)
    later = ((t - past_moment) / span > 0.5) & ~no_past & ~no_future
    return np.where((no_past | later)[..., None], future, past), no_past & no_future


def _direct_warp(flow: np.ndarray, back: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where the published warp takes every pixel from: bool (H, W), and rows and columns (n,) of the True ones."""
    height, width = flow.shape[:2]
    grid = np.indices((height, width))
    y, x = grid[0] + flow[..., 1], grid[1] + flow[..., 0]
    top, left = np.floor(y).astype(int), np.floor(x).astype(int)
    valid = (top >= 0) & (top < height - 1) & (left >= 0) & (left < width - 1)
    found = np.zeros(flow.shape)
    for dy, dx in ((0, 0), (1, 0), (0, 1), (1, 1)):
        row, column = np.clip(top + dy, 0, height - 1), np.clip(left + dx, 0, width - 1)
        weight = np.abs((1 - np.abs(row - y)) * (1 - np.abs(column - x)))
        found += weight[..., None] * back[row, column]
    miss = found[..., ::-1] + np.dstack([y, x]) - np.moveaxis(grid, 0, -1)
    valid &= np.linalg.norm(miss, axis=2) < _THRESHOLD
    mean = (flow - found) / 2
    y, x = grid[0] + mean[..., 1], grid[1] + mean[..., 0]
    valid &= (y >= 0) & (y < height - 1) & (x >= 0) & (x < width - 1)
    return valid, np.round(y[valid]).astype(int), np.round(x[valid]).astype(int)


def _save_picture(path: Path, scene: Scene, filled: np.ndarray) -> None:
    """The middle frame with its hole, and filled."""
    path.parent.mkdir(parents=True, exist_ok=True)
    t = len(filled) // 2
    damaged = np.where(scene.masks[t][..., None], np.uint8(0), scene.frames[t])
    picture = np.concatenate([damaged, filled[t]], 1)
    save_image(path, torch.from_numpy(picture).permute(2, 0, 1))


if __name__ == "__main__":
    main()
