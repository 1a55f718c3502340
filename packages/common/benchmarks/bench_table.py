"""How fast the table scene is rendered, and what its difficulties are like.

    python bench_table.py [--clips 16] [--statistics 400] [--workers 2]

The peer is the same ray caster without its bounding boxes: every ray of every pixel meets every object, as in a
straightforward renderer. Both draw the same masks, which is checked.
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import astuple, fields
from functools import partial
from multiprocessing import get_context
from typing import TYPE_CHECKING
from unittest.mock import patch

import numpy as np

from maskreel.common.world import MaskStatistics, TableScene
from maskreel.common.world._table import rays

if TYPE_CHECKING:
    from collections.abc import Callable


def every_pixel(motion: object, corners: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, ...]:
    """In place of the pixels near an object."""
    height, width = motion.camera.size  # type: ignore[attr-defined]
    frame, y, x = np.indices((len(corners), height, width)).reshape(3, -1)
    return tuple(index[wanted[frame]] for index in (frame, y, x))


def seconds(work: Callable[[int], object], clips: int) -> float:
    """Per clip."""
    work(0)
    start = time.perf_counter()
    for seed in range(1, clips + 1):
        work(seed)
    return (time.perf_counter() - start) / clips


def speed(clips: int, workers: int) -> None:
    scene = TableScene()
    masks, frames = seconds(scene.labels, clips), seconds(scene.frames_and_labels, clips)
    with patch.object(rays, "box_pixels", every_pixel):
        naive = seconds(scene.labels, 2)
        slow = scene.labels(3)
    assert np.array_equal(slow, scene.labels(3))
    print(f"masks only, one process      {1 / masks:8.2f} videos/s, {naive / masks:.1f} times the peer's")
    print(f"frames and masks             {1 / frames:8.2f} videos/s")
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        list(pool.map(scene.labels, range(workers)))  # start them
        start = time.perf_counter()
        list(pool.map(partial(count, scene), range(clips * workers)))
        rate = clips * workers / (time.perf_counter() - start)
    print(f"frames and masks, {workers} processes {rate:8.2f} videos/s")


def count(scene: TableScene, seed: int) -> int:
    """Render and send nothing home, as the writer of data sets does."""
    return len(scene.frames_and_labels(seed)[0])


def statistics(clips: int, workers: int) -> None:
    columns = []
    for difficulty in ("easy", "medium", "hard"):
        scene = TableScene.preset(difficulty)
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            columns.append(MaskStatistics.measure(pool.map(scene.labels, range(clips), chunksize=10)))
    print(f"\n{'':22}{'easy':>10}{'medium':>10}{'hard':>10}")
    for field, *values in zip(fields(MaskStatistics), *map(astuple, columns), strict=True):
        if field.name == "displacements":
            values, field_name = [value[2] for value in values], "median_displacement"
        else:
            field_name = field.name
        if isinstance(values[0], float):
            print(f"{field_name:22}" + "".join(f"{value:10.3f}" for value in values))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=16, help="clips to time")
    parser.add_argument("--statistics", type=int, default=400, help="clips of each difficulty to measure; 0 for none")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    options = parser.parse_args()
    speed(options.clips, options.workers)
    if options.statistics:
        statistics(options.statistics, options.workers)


if __name__ == "__main__":
    main()
