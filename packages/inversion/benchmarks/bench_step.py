"""One optimisation step against the bare forward and backward of the teacher, seconds and memory.

    python packages/inversion/benchmarks/bench_step.py [--cases shapes r50] [--threads 1] [--profile]

The bare pass takes pixels through the network to the mask logits of the same boxes, and their sum back to the pixels;
the second one asks the other heads, too: the class logits of these boxes and the objectness of all anchors.
Each row adds something to the one above it; "none" and "layers" are whole steps of an inversion with Adam. All take
turns, and medians of the seconds are printed, so that other work on the machine meets them alike; with one thread they
are the processor's. Memory is the largest resident size of a process of its own, less what it had before the pixels
were made; the first step, which measures the gradient of every term by itself, is in it.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from dataclasses import fields, replace
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

import torch
from _clips import clock, markdown, targets_of

from maskreel.common.maskrcnn import MaskRCNN, TorchvisionMaskRCNN
from maskreel.common.world import TableScene
from maskreel.inversion.augment import AugmentSettings
from maskreel.inversion.config import InversionConfig, Weights
from maskreel.inversion.inverter import MaskInverter
from maskreel.inversion.statistics import Reference, recalibrate
from maskreel.inversion.teachers import MaskRCNNSettings, MaskRCNNTeacher, open_teacher

if TYPE_CHECKING:
    from collections.abc import Callable

    from maskreel.inversion.targets import FrameTarget
    from maskreel.inversion.work import Work

    Step = Callable[[], object]

BARE, ALL_HEADS = "bare forward and backward", "bare, with class and objectness logits"
SEED = 900_000_100


class Case(NamedTuple):
    """A teacher and a size."""

    teacher: str
    size: tuple[int, int]
    batch: int


CASES = {"shapes": Case("shapes", (160, 240), 8), "r50": Case("r50", (240, 427), 1)}


def configs(batch: int) -> dict[str, InversionConfig]:
    """Each adds to the one before, up to a whole step."""
    whole = InversionConfig(steps=10**6, stages=1, checks=1, batch=batch)
    off = Weights(**(dict.fromkeys((one.name for one in fields(Weights)), 0.0) | {"mask": 0.3}))
    mask = MaskRCNNSettings(class_term=False, background_term=False, objectness_term=False)
    pixels = replace(whole, coherence="none", levels=0, augment=AugmentSettings())
    usual = whole.weights
    detector = replace(off, object_class=0.4, background=0.1, objectness=0.2)
    statistics = replace(detector, statistics=usual.statistics)
    priors = replace(statistics, tv_l1=0.004, tv_l2=0.004, l2=0.004)
    return {
        "mask term, Adam": replace(pixels, weights=off, teacher=mask),
        "+ class, background, objectness": replace(pixels, weights=detector),
        "+ statistics": replace(pixels, weights=statistics),
        "+ variation (both), norm": replace(pixels, weights=priors),
        "+ colour": replace(pixels, weights=replace(priors, colour=usual.colour)),
        "+ shift and flip": replace(pixels, weights=replace(priors, colour=usual.colour), augment=whole.augment),
        "none, as it is by default": replace(whole, coherence="none"),
        "layers, as it is by default": whole,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rows", nargs="+", help="only rows that have one of these words")
    parser.add_argument("--profile", action="store_true", help="say which operations a whole step adds, and no more")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    for name in options.cases:
        case = CASES[name]
        if options.profile:
            _profile(case)
            continue
        rows = [BARE, ALL_HEADS, *(row for row in configs(case.batch) if _wanted(row, options.rows))]
        times = seconds([step(case, row) for row in rows], options.repeats)
        peaks = [_in_a_process(case, row, options.threads) for row in rows]
        print(f"\n{name}: {case.size[0]}x{case.size[1]}, batch {case.batch}, threads {options.threads}")
        columns = ["step", "seconds", "times bare", "peak MB", "times bare"]
        taken = zip(rows, times, peaks, strict=True)
        markdown(columns, [[row, t, t / times[0], round(peak), peak / peaks[0]] for row, t, peak in taken])


def _wanted(row: str, words: list[str] | None) -> bool:
    return words is None or any(word in row for word in words)


def step(case: Case, row: str) -> Step:
    """Ready to be called again and again; the pixels are made by the first call."""
    teacher, reference = teacher_of(case, row)
    targets = targets_for(case)
    if row in (BARE, ALL_HEADS):
        return bare(teacher, targets, all_heads=row == ALL_HEADS)
    return whole(teacher, reference, targets, configs(case.batch)[row])


def teacher_of(case: Case, row: str) -> tuple[MaskRCNNTeacher, Reference | None]:
    settings = configs(case.batch)[row].teacher if row in configs(case.batch) else MaskRCNNSettings()
    if case.teacher == "shapes":
        teacher = open_teacher("shapes", settings=settings)
        assert isinstance(teacher, MaskRCNNTeacher)
        return teacher, None
    teacher = MaskRCNNTeacher(_r50(), settings)
    generator = torch.Generator().manual_seed(0)
    noise = 0.5 + 0.1 * torch.randn(1, 3, *case.size, generator=generator)
    return teacher, recalibrate(teacher, [noise])


def _r50() -> TorchvisionMaskRCNN:
    """torchvision's first Mask R-CNN with random weights, its batch norm frozen as in the published one."""
    from torchvision.models.detection import maskrcnn_resnet50_fpn
    from torchvision.ops.misc import FrozenBatchNorm2d

    torch.manual_seed(0)
    network = maskrcnn_resnet50_fpn(weights=None, weights_backbone=None, num_classes=91, norm_layer=FrozenBatchNorm2d)
    for name, layer in network.named_modules():
        if name.endswith("bn3") and isinstance(layer, FrozenBatchNorm2d):
            layer.get_buffer("weight").fill_(0.2)  # or values would double with every block
    names = ("background", *(f"class {number}" for number in range(1, 91)))
    return TorchvisionMaskRCNN(network.eval(), names)


def targets_for(case: Case) -> list[FrameTarget]:
    """The first frames of a clip of the table world."""
    _, labels = TableScene(size=case.size, frames=max(4, case.batch)).frames_and_labels(SEED)
    return [target.present() if case.batch == 1 else target for target in targets_of(torch.from_numpy(labels))][
        -case.batch :
    ]


def bare(teacher: MaskRCNNTeacher, targets: list[FrameTarget], *, all_heads: bool) -> Step:
    network = teacher.network
    assert isinstance(network, MaskRCNN)
    present = [target.present() for target in targets]
    boxes, labels = [target.boxes for target in present], [target.labels for target in present]
    pixels = []

    def one() -> None:
        if not pixels:
            pixels.append((0.5 + 0.1 * torch.randn(len(targets), 3, *targets[0].size)).requires_grad_())
        pixels[0].grad = None
        features = network.features(pixels[0])
        total = network.mask_logits(features, boxes, labels).sum()
        if all_heads:
            total = total + network.class_logits(features, boxes).sum() + network.objectness(features).logits.sum()
        total.backward()

    return one


def whole(
    teacher: MaskRCNNTeacher, reference: Reference | None, targets: list[FrameTarget], config: InversionConfig
) -> Step:
    work: Work = MaskInverter(config, teacher, reference=reference).work(targets)

    def one() -> None:
        if work.current is None:
            work.current = work.begin(0)
        work.current.advance()

    return one


def seconds(steps: list[Step], repeats: int) -> list[float]:
    """Seconds of each, a median over turns after two to warm up."""
    taken: list[list[float]] = [[] for _ in steps]
    for turn in range(repeats + 2):
        for times, each in zip(taken, steps, strict=True):
            start = clock()
            each()
            if turn >= 2:
                times.append(clock() - start)
    return [median(times) for times in taken]


def _in_a_process(case: Case, row: str, threads: int) -> float:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
        return pool.submit(peak_megabytes, case, row, threads).result()


def peak_megabytes(case: Case, row: str, threads: int) -> float:
    torch.set_num_threads(threads)
    each = step(case, row)
    Path("/proc/self/clear_refs").write_text("5")  # forget the largest size so far
    before = high_water_megabytes()
    for _ in range(3):
        each()
    return high_water_megabytes() - before


def high_water_megabytes() -> float:
    # Linux only; getrusage would start from the largest size of the parent process.
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


def _profile(case: Case, steps: int = 2) -> None:
    """Milliseconds of each operation in a whole step, and in a bare one."""
    from torch.profiler import ProfilerActivity, profile

    spent: list[dict[str, float]] = []
    rows = [BARE, ALL_HEADS, "none, as it is by default", "layers, as it is by default"]
    for row in rows:
        each = step(case, row)
        each()
        with profile(activities=[ProfilerActivity.CPU]) as watch:
            for _ in range(steps):
                each()
        spent.append({one.key: one.self_cpu_time_total / 1000 / steps for one in watch.key_averages()})
    keys = sorted({key for one in spent for key in one}, key=lambda key: -max(one.get(key, 0.0) for one in spent))
    table = [[key, *(one.get(key, 0.0) for one in spent)] for key in keys[:40]]
    print(f"\n{case.teacher}: milliseconds of each operation")
    markdown(["operation", *rows], [*table, ["all", *(sum(one.values()) for one in spent)]])


if __name__ == "__main__":
    main()
