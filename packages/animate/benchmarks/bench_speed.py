"""Speed of the fused graph against the published one, each trick's share, and frames per second.

    python packages/animate/benchmarks/bench_speed.py --threads 2
    python packages/animate/benchmarks/bench_speed.py --quick

The published graph doubles pictures before it convolves them and runs module by module; the second row is ours as it
is trained. Each variant alternates with the published graph in one process and the best of several rounds counts, so
that ratios hold on a machine with other work; `--cpu-time` counts the time on the processor in place of the time on the
wall, for a machine that is full. Weights are random, batch-norm statistics drawn; every network gets the published
graph's inputs, so errors are its own. The source side (m of the source, D, U) is made once for a clip and not counted.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from _published import as_published
from torch import Tensor, nn

from maskreel.animate.fused import FusedModel, fused
from maskreel.animate.fused._fast import FastKit
from maskreel.animate.fused._portable import PortableKit
from maskreel.animate.model import AnimationModel, ModelConfig, published, tiny

if TYPE_CHECKING:
    from collections.abc import Callable

_NEVER = 10**9
_PIPELINE = ("m", "r", "L", "H")
_SWAP = (*_PIPELINE, "BGBase, BGRefine")


def main() -> None:
    """Print one table for each model and number of frames at once."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch", type=int, default=1, help="driving frames at once")
    parser.add_argument("--models", nargs="+", choices=["tiny", "published"], default=["tiny", "published"])
    parser.add_argument("--cpu-time", action="store_true")
    parser.add_argument("--bf16", action="store_true", help="also bfloat16, slow on CPUs without its instructions")
    parser.add_argument("--quick", action="store_true", help="the tiny model only, one round")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    clock = time.process_time if options.cpu_time else time.perf_counter
    models, rounds = (["tiny"], 1) if options.quick else (options.models, options.rounds)
    record = {}
    for name in models:
        print(f"\n{name}, {options.threads} threads, {options.batch} frames at once, ms per frame, best of {rounds}")
        record[name] = _compared(_drawn(tiny() if name == "tiny" else published()), options, clock, rounds)
    if options.json:
        options.json.write_text(json.dumps(record, indent=2) + "\n")


def _drawn(config: ModelConfig) -> AnimationModel:
    """Random weights, and batch norms as they may be after a training."""
    torch.manual_seed(0)
    model = AnimationModel(config).eval().requires_grad_(False)
    for norm in model.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.weight.uniform_(-1.5, 1.5)
            norm.bias.normal_(0, 0.3)
            norm.running_mean = torch.randn(norm.num_features) * 0.2
            norm.running_var = torch.rand(norm.num_features) + 0.1
    return model


def _variants(model: AnimationModel, *, bf16: bool) -> dict[str, Callable[[], AnimationModel]]:
    """Each adds one thing to the one before."""

    def kit(**limits: int) -> Callable[[], FusedModel]:
        return lambda: FusedModel(model, FastKit(**limits), memory_format=torch.channels_last)

    found: dict[str, Callable[[], AnimationModel]] = {
        "ours, as it is trained": lambda: model,
        "batch norm folded, transposed ups": lambda: FusedModel(model, PortableKit()),
        "+ channels last": lambda: FusedModel(model, PortableKit(), memory_format=torch.channels_last),
        "+ strips, clamps, heads by rows": kit(winograd_from=_NEVER, differences_from=_NEVER),
        "+ ups by differences": kit(winograd_from=_NEVER),
        "+ Winograd, few pixels = fused()": lambda: fused(model),
    }
    if bf16:
        found["fused(dtype=torch.bfloat16)"] = lambda: fused(model, dtype=torch.bfloat16)
    return found


def _compared(
    model: AnimationModel, options: argparse.Namespace, clock: Callable[[], float], rounds: int
) -> dict[str, dict[str, float]]:
    columns = (*_SWAP, "pipeline", "fps", "x", "with swap", "fps", "x", "error")
    print(" " * 36 + "".join(f"{column[:9]:>10}" for column in columns))
    table = {}
    published = as_published(model)
    with torch.inference_mode():
        inputs = _inputs(published, options.batch)
        for name, build in _variants(model, bf16=options.bf16).items():
            variant = build()
            times = {"published": [], name: []}
            for _ in range(rounds):
                for label, one in (("published", published), (name, variant)):
                    times[label].append([clocked / options.batch for clocked, _ in _staged(one, inputs, clock)])
            theirs, own = ([1e3 * min(stage) for stage in zip(*rows, strict=True)] for rows in times.values())
            error = max(
                (ours - expected).abs().max().item()
                for (_, ours), (_, expected) in zip(
                    _staged(variant, inputs, clock), _staged(published, inputs, clock), strict=True
                )
            )
            if not table:
                table["published"] = _row("published", theirs, theirs, 0.0)
            table[name] = _row(name, own, theirs, error)
            del variant
    return table


def _inputs(model: AnimationModel, count: int) -> dict[str, Tensor]:
    size = model.config.size
    pictures = {name: torch.rand(count, 3, size, size) for name in ("driving", "backdrop")}
    source = torch.rand(1, 3, size, size)
    masks = model.masks(pictures["driving"])
    refined = model.refined(model.source(source), masks)
    low, high = model.pictures(model.source(source), refined)
    return {**pictures, "source": source, "masks": masks, "refined": refined, "low": low, "high": high}


def _staged(model: AnimationModel, given: dict[str, Tensor], clock: Callable[[], float]) -> list[tuple[float, Tensor]]:
    """Seconds and result of m, r, L, H and the swap."""
    source, count = model.source(given["source"]), len(given["driving"])
    many = source.expand(count)
    steps: list[Callable[[], Tensor]] = [
        lambda: model.masks(given["driving"]),
        lambda: model.refined(source, given["masks"]),
        lambda: model.low_resolution(many.small, many.mask, given["refined"]),
        lambda: model.high_resolution(many.image, many.large_mask, given["low"], model.enlarge(given["refined"])),
        lambda: model.swapped(given["high"], given["refined"], given["backdrop"], given["masks"])[1],
    ]
    results = []
    for step in steps:
        start = clock()
        result = step()
        results.append((clock() - start, result))
    return results


def _row(name: str, own: list[float], published: list[float], error: float) -> dict[str, float]:
    row = dict(zip(_SWAP, own, strict=True))
    for title, stages in (("pipeline", len(_PIPELINE)), ("swap", len(_SWAP))):
        total = sum(own[:stages])
        row |= {f"{title} ms": total, f"{title} fps": 1e3 / total, f"{title} ratio": sum(published[:stages]) / total}
    row["error"] = error
    texts = [f"{value:10.1e}" if key == "error" else f"{value:10.2f}" for key, value in row.items()]
    print(f"{name:36}" + "".join(texts), flush=True)
    return row


if __name__ == "__main__":
    main()
