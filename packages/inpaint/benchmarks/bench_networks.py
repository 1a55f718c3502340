"""What the networks cost: FlowNet2 for a pair of frames, DFC-Net by the area of the hole.

    OMP_NUM_THREADS=1 python packages/inpaint/benchmarks/bench_networks.py --json networks.json

Frames are 432x240. FlowNet2 and DFC-S have random weights of the published shapes, which cost as much as trained ones.
Flow with a square hole that moves is completed both ways, by one stage (33 channels in, 2 out): the small network that
comes with the package sees whole frames always; DFC-S sees the hole and 64 pixels around it. Seconds are processor
time of one thread; memory is the largest resident set of a process of its own, beyond what it had before.
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from _baselines import peak_megabytes, print_table, save_json

from maskreel.inpaint.dfc import Cascade, DFCCompleter, dfc_completer, dfc_s
from maskreel.inpaint.flow.completer import FlowPair
from maskreel.inpaint.flow.estimation import DISFlow

if TYPE_CHECKING:
    from collections.abc import Callable

_SIZE = (240, 432)
_PAIRS = 12
_SIDES = (32, 64, 128, 192)


def main() -> None:
    """Measure each network in a process of its own and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="keep the rows here")
    options = parser.parse_args()
    estimated = [
        {"flow": name} | _apart(partial(_estimate, name), "s/pair") for name in ("DIS", "FlowNet2", "FlowNet2-SD")
    ]
    print_table(estimated, title="Flow between two frames of 432x240")
    completed = [
        {"network": name, "hole": f"{side}x{side}", "of the frame %": 100 * side**2 / (_SIZE[0] * _SIZE[1])}
        | _apart(partial(_complete, name, side), "s/pair, both ways")
        for name in ("small", "DFC-S, one stage")
        for side in _SIDES
    ]
    print_table(completed, title="Completion of flow, by the area of the hole")
    save_json(options.json, [*estimated, *completed])


def _apart(work: Callable[[], tuple[float, float]], unit: str) -> dict[str, object]:
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        seconds, megabytes = pool.submit(work).result()
    return {unit: seconds, "memory MB": megabytes}


def _measured(work: Callable[[], object], count: int, before: float) -> tuple[float, float]:
    """Processor seconds of each of `count` pairs, and megabytes beyond `before`."""
    begin = time.process_time()
    work()
    return (time.process_time() - begin) / count, peak_megabytes() - before


def _estimate(name: str) -> tuple[float, float]:
    torch.set_num_threads(1)
    frames = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (2, 3, *_SIZE), dtype=np.uint8))
    before = peak_megabytes()
    if name == "DIS":
        estimator = DISFlow()
    else:
        from maskreel.inpaint.openmmlab import FlowNet2

        before = peak_megabytes()
        estimator = FlowNet2.with_random_weights(config=name.lower(), device="cpu")
    estimator(frames[:1], frames[1:])  # what the first pair alone costs
    return _measured(lambda: estimator(frames[:1], frames[1:]), 1, before)


def _complete(name: str, side: int) -> tuple[float, float]:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    pairs, before = _pairs(side), peak_megabytes()
    completer = dfc_completer(device="cpu") if name == "small" else DFCCompleter(Cascade(dfc_s()), device="cpu")
    return _measured(lambda: list(completer(iter(pairs))), _PAIRS, before)


def _pairs(side: int) -> list[FlowPair]:
    """A camera that pans, and a square that moves a pixel a frame."""
    rng = np.random.default_rng(0)
    pairs = []
    for t in range(_PAIRS):
        region = np.zeros(_SIZE, np.bool_)
        top, left = (_SIZE[0] - side) // 2, (_SIZE[1] - side) // 2 + t
        region[top : top + side, left : left + side] = True
        flow = np.array([3, 1], np.float32) + 0.1 * rng.standard_normal((*_SIZE, 2)).astype(np.float32)
        pairs.append(FlowPair(flow, -flow, region))
    return pairs


if __name__ == "__main__":
    main()
