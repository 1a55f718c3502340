"""SimVP of maskreel.vfp against OpenSTL's, written out plainly, in the same run, on the CPU.

    python bench_networks.py [--sizes small mmnist published] [--translators gsta] [--repeats 5]

The two have equal weights and their predictions are compared first. They take turns, and medians of the seconds are
printed, so that other work on the machine meets both alike. Memory is the largest resident size of a process of its
own, less what it had before the first pass.
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

import torch
from _plain_networks import PlainSimVP
from torch.utils.flop_counter import FlopCounterMode

from maskreel.vfp.networks import SimVPConfig, build_simvp, optimise_for_inference

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from maskreel.vfp.networks._simvp import Translator


class Size(NamedTuple):
    batch: int
    frames: int
    channels: int
    height: int
    width: int
    spatial: int
    temporal: int
    depth: int
    mlp_ratio: float


SIZES = {
    "small": Size(2, 11, 3, 80, 120, 32, 128, 6, 4.0),
    "mmnist": Size(2, 10, 1, 64, 64, 64, 512, 8, 8.0),
    "published": Size(1, 11, 3, 160, 240, 64, 256, 8, 8.0),
}
PASSES = ("training", "inference", "inference, folded")


def build(maker: str, size: Size, translator: Translator) -> nn.Module:
    torch.manual_seed(0)
    widths = size.spatial, size.temporal
    plain = PlainSimVP(translator, size.frames, size.channels, *widths, 4, size.depth, size.mlp_ratio)
    if maker == "plain":
        return plain
    config = SimVPConfig(
        size.frames,
        size.frames,
        size.channels,
        spatial_width=size.spatial,
        temporal_width=size.temporal,
        temporal_depth=size.depth,
        translator=translator,
        mlp_ratio=size.mlp_ratio,
    )
    ours = build_simvp(config)
    ours.load_state_dict(plain.state_dict())
    return ours


def example(size: Size) -> torch.Tensor:
    return torch.rand(size.batch, size.frames, size.channels, size.height, size.width)


def work(maker: str, size: Size, translator: Translator, kind: str) -> Callable[[], None]:
    """One pass over one batch; the plain network has nothing folded."""
    network, clips = build(maker, size, translator), example(size)
    if kind == "training":
        return lambda: train(network.train(), clips)
    network.eval()
    if kind == "inference, folded" and maker == "ours":
        network = optimise_for_inference(network)  # type: ignore[arg-type]
    return lambda: predict(network, clips)


def train(network: nn.Module, clips: torch.Tensor) -> None:
    network.zero_grad()
    (network(clips) - clips).square().mean().backward()


@torch.inference_mode()
def predict(network: nn.Module, clips: torch.Tensor) -> None:
    network(clips)


def seconds(works: list[Callable[[], None]], repeats: int) -> list[float]:
    """Seconds of each, a median over turns after one to warm up."""
    taken: list[list[float]] = [[] for _ in works]
    for _ in range(repeats + 1):
        for times, each in zip(taken, works, strict=True):
            start = time.perf_counter()
            each()
            times.append(time.perf_counter() - start)
    return [median(times[1:]) for times in taken]


def peak_megabytes(maker: str, size: Size, translator: Translator, kind: str, threads: int) -> float:
    torch.set_num_threads(threads)
    each = work(maker, size, translator, kind)
    Path("/proc/self/clear_refs").write_text("5")  # forget the largest size so far
    before = high_water_megabytes()
    each()
    return high_water_megabytes() - before


def high_water_megabytes() -> float:
    # Linux only; getrusage would start from the largest size of the parent process.
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


@torch.inference_mode()
def check(size: Size, translator: Translator) -> tuple[float, float]:
    """Parameters in millions and GMAC of a clip, after a comparison of the predictions."""
    plain, ours = (build(maker, size, translator).eval() for maker in ("plain", "ours"))
    clip = example(size)[:1]
    with FlopCounterMode(display=False) as counter:
        expected = plain(clip)
    torch.testing.assert_close(ours(clip), expected, rtol=1e-3, atol=1e-4)
    return sum(p.numel() for p in ours.parameters()) / 1e6, counter.get_total_flops() / 2e9


def report(name: str, translator: Translator, repeats: int, threads: int) -> None:
    size = SIZES[name]
    million, gmac = check(size, translator)
    for kind in PASSES:
        plain, ours = seconds([work(maker, size, translator, kind) for maker in ("plain", "ours")], repeats)
        with ProcessPoolExecutor(1, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
            peaks = [
                pool.submit(peak_megabytes, maker, size, translator, kind, threads).result()
                for maker in ("plain", "ours")
            ]
        print(
            f"| {translator} {name} | {million:.1f} | {gmac:.1f} | {kind} | {plain:.2f} | {ours:.2f} | "
            f"**{plain / ours:.2f}** | {size.batch / ours:.2f} | {peaks[0]:.0f} | {peaks[1]:.0f} |",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description="SimVP of maskreel.vfp against OpenSTL's, on the CPU")
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--translators", nargs="+", choices=("gsta", "tau", "incepu"), default=["gsta"])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print("| network | M params | GMAC | pass | plain, s | ours, s | ratio | ours, clips/s | plain, MB | ours, MB |")
    print("|---|--:|--:|---|--:|--:|--:|--:|--:|--:|")
    for translator in options.translators:
        for name in options.sizes:
            report(name, translator, options.repeats, options.threads)


if __name__ == "__main__":
    main()
