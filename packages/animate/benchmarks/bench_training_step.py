"""One training step of `AnimationTask` against the published step, written out plainly, in the same run.

    python packages/animate/benchmarks/bench_training_step.py [--size 256] [--slices 3 5] [--batch 2] [--without-swap]

The published step, as the authors' repositories do it: the pictures of L, H, BGBase and BGRefine go through VGG-19 one
after the other, each time with the target anew; all five slices are computed even where their weight is 0; the pyramid
blurs every pixel with a square kernel and then drops most of them; masks are perturbed image by image on the CPU; a
frame of another video passes m, r and L for the log; the background networks have a backward pass of their own; four
optimisers. A second row shares the features of the target between the four pictures, in case the authors' code does so,
too. Both steps begin with the same weights, data and random numbers, and their losses and gradients are compared first.

VGG has random weights, which take as long as trained ones. All steps take turns, and medians of the seconds are
printed; GMAC, forward and backward, are those that torch counts. With one thread seconds are the processor's. On a CPU
they are measured twice, with memory as the system hands it out and kept as `maskreel.common.training.train` keeps it;
ratios are to our step with memory kept.
"""

from __future__ import annotations

import argparse
import copy
import time
from dataclasses import replace
from functools import partial
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from _published import SquareShrink, as_published
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from maskreel.animate.model import SWAP_THRESHOLD, AnimationModel, published
from maskreel.animate.training.settings import LossSettings
from maskreel.animate.training.task import AnimationTask
from maskreel.common.perceptual import VGG3, VGG5, VggLoss
from maskreel.common.training import TrainingConfig
from maskreel.common.training._memory import freed_memory_kept
from maskreel.common.training._optimiser import make_optimiser

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from maskreel.animate.model import ModelConfig

WEIGHTS = {3: VGG3, 5: VGG5}
SLICES = ((0, 2), (2, 7), (7, 12), (12, 21), (21, 30))
FACTORS = (1, 2, 4, 8)
LOSS_TOLERANCE, GRADIENT_TOLERANCE = 1e-4, 1e-2
adam = partial(torch.optim.Adam, lr=2e-4, betas=(0.5, 0.999))


class PublishedLoss(nn.Module):
    """All five slices of one batch of pictures and its target, with weights that may be 0."""

    mean: Tensor
    std: Tensor

    def __init__(self, weights: tuple[float, ...], *, shared: bool) -> None:
        super().__init__()
        layers = VggLoss.random(0, VGG5).layers
        self.slices = nn.ModuleList(layers[start:end] for start, end in SLICES)
        self.pyramid = nn.ModuleList(SquareShrink(factor) for factor in FACTORS)
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406])[:, None, None])
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225])[:, None, None])
        self.weights, self.shared = weights, shared
        self.known: tuple[Tensor, list[list[Tensor]]] | None = None

    def forward(self, images: Tensor, target: Tensor) -> Tensor:
        total = images.new_zeros(())
        for ours, theirs in zip(self._features(images), self._target(target), strict=True):
            for weight, one, other in zip(self.weights, ours, theirs, strict=True):
                total = total + weight * (one - other.detach()).abs().mean()
        return total

    def _target(self, images: Tensor) -> list[list[Tensor]]:
        if not self.shared:
            return self._features(images)
        if self.known is None or self.known[0] is not images:
            self.known = images, self._features(images)
        return self.known[1]

    def _features(self, images: Tensor) -> list[list[Tensor]]:
        found = []
        for shrink in self.pyramid:
            features, level = (shrink(images) - self.mean) / self.std, []
            for part in self.slices:
                features = part(features)
                level.append(features)
            found.append(level)
        return found


class PublishedStep:
    """The published training step, on our networks with plain up-sampling."""

    def __init__(self, model: AnimationModel, weights: tuple[float, ...], *, shared: bool, swap: bool) -> None:
        self.model = model = as_published(model)
        self.loss = PublishedLoss(weights, shared=shared).to(next(model.parameters()).device)
        self.swap = swap
        generator = nn.ModuleList([model.low_resolution, model.high_resolution, model.mask_refiner])
        networks = [generator, model.mask_generator, *([model.bg_base, model.bg_refine] if swap else [])]
        self.optimisers = [adam(network.parameters()) for network in networks]

    def losses(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """With gradients: each part is passed back where the published code does it."""
        model, source, target = self.model, batch["source"], batch["target"]
        small = model.shrink(source)
        source_mask, driving_mask = model.mask_generator(source), model.mask_generator(batch["driving"])
        low = model.low_resolution(small, source_mask, driving_mask)
        large = [model.enlarge(mask).detach() for mask in (source_mask, driving_mask)]
        high = model.high_resolution(source, large[0], low.detach(), large[1])
        perturbed = perturbed_on_cpu(driving_mask, model.config.threshold)
        refined = model.mask_refiner(small, source_mask.detach(), perturbed)
        found = {
            "low": self.loss(low, target),
            "high": self.loss(high, target),
            "refined": 100 * (refined - driving_mask.detach()).abs().mean(),
        }
        self._for_the_log(batch["driving2"], small, source_mask)
        torch.stack(list(found.values())).sum().backward()
        if self.swap:
            found |= self._swapped(source, target, source_mask.detach(), driving_mask.detach())
        return found

    def _for_the_log(self, other: Tensor, small: Tensor, source_mask: Tensor) -> None:
        mask = self.model.mask_generator(other)
        with torch.no_grad():
            perturbed = perturbed_on_cpu(mask, self.model.config.threshold)
            self.model.low_resolution(small, source_mask, self.model.mask_refiner(small, source_mask, perturbed))

    def _swapped(self, source: Tensor, target: Tensor, source_mask: Tensor, driving_mask: Tensor) -> dict[str, Tensor]:
        model = self.model
        with torch.no_grad():
            theirs, ours = binary(source_mask), binary(driving_mask)
            small = [theirs, ours, model.shrink(target) * ours, model.shrink(source) * (1 - theirs)]
            theirs, ours = binary(model.enlarge(source_mask)), binary(model.enlarge(driving_mask))
            large = [theirs, ours, target * ours, source * (1 - theirs)]
        base = model.bg_base(*small)
        swapped = model.bg_refine(base.detach(), *large)
        found = {"base": self.loss(base, target), "swap": self.loss(swapped, target)}
        torch.stack(list(found.values())).sum().backward()
        return found

    def __call__(self, batch: Mapping[str, Tensor]) -> None:
        self.losses(batch)
        for optimiser in self.optimisers:
            optimiser.step()
            optimiser.zero_grad()
        self.loss.known = None


class OurStep:
    """What a training does with `AnimationTask`, and the optimiser that it would get."""

    def __init__(
        self, model: AnimationModel, weights: tuple[float, ...], *, swap: bool, dtype: torch.dtype = torch.float32
    ) -> None:
        self.model, self.dtype = copy.deepcopy(model), dtype
        settings = LossSettings(refine_from=0, swap_from=0 if swap else 1e9)
        self.task = AnimationTask(self.model, VggLoss.random(0, weights), settings, steps_per_epoch=1)
        self.optimiser = make_optimiser(
            self.model, TrainingConfig(steps=1, optimiser="adam", lr=2e-4, betas=(0.5, 0.999), weight_decay=0.0)
        )

    def losses(self, batch: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        device = batch["source"].device.type
        with torch.autocast(device, self.dtype, enabled=self.dtype != torch.float32):
            found = self.task.losses(self.model, batch)
        torch.stack(list(found.values())).sum().backward()
        return found

    def __call__(self, batch: Mapping[str, Tensor]) -> None:
        self.losses(batch)
        self.optimiser.step()
        self.optimiser.zero_grad()


def binary(masks: Tensor) -> Tensor:
    return (masks > SWAP_THRESHOLD).float()


def perturbed_on_cpu(masks: Tensor, threshold: float) -> Tensor:
    """P_train image by image in NumPy; random numbers in the order of `perturb_for_training`."""
    count, _, height, width = masks.shape
    images = (masks.detach().cpu().double().numpy()[:, 0] * 255).round() / 255
    for axis, length in ((1, width), (0, height)):
        cuts = cut_points(length, masks.device)
        strips, whole = (0.75 + 0.5 * torch.rand((count, n), device=masks.device).cpu().numpy() for n in (6, 1))
        for number in range(count):
            parts = np.split(images[number], cuts, axis=axis)
            scaled = [stretched(part, axis, by) for part, by in zip(parts, strips[number], strict=True)]
            images[number] = stretched(np.concatenate(scaled, axis), 1 - axis, whole[number, 0])
    levels = np.where(images > threshold + 1e-6, images, 0)[:, None] * 255
    noise = torch.poisson(torch.full(masks.shape, 20.0, device=masks.device)).cpu().numpy()
    sign = torch.randint(0, 2, masks.shape, device=masks.device).cpu().numpy() * 2 - 1
    return torch.from_numpy((levels + sign * noise).clip(0, 255) / 255).float().to(masks.device)


def cut_points(length: int, device: torch.device) -> list[int]:
    first, last = round(length * 15 / 64), round(length * 45 / 64)
    return sorted(first + cut for cut in torch.randperm(last - first + 1, device=device)[:5].tolist())


def stretched(image: np.ndarray, axis: int, scale: float) -> np.ndarray:
    """Scaled about its centre along one axis, linearly, zeros from outside."""
    places = np.arange(image.shape[axis])
    centre = (len(places) - 1) / 2
    taps = np.maximum(0, 1 - np.abs((places - centre) / scale + centre - places[:, None]))
    return image @ taps if axis == 1 else taps.T @ image


def check(ours: OurStep, theirs: PublishedStep, batch: Mapping[str, Tensor]) -> None:
    """The same losses and gradients."""
    found = []
    for step in (theirs, ours):
        torch.manual_seed(1)
        found.append(step.losses(batch))
    for name, expected in found[0].items():
        value, expected = found[1][name].item(), expected.item()
        print(f"{name}: published {expected:.5f}, ours {value:.5f}")
        assert abs(value - expected) <= LOSS_TOLERANCE * abs(expected), name
    for (name, network), other in zip(theirs.model.named_children(), ours.model.children(), strict=True):
        expected, value = (torch.cat([_gradient(p) for p in part.parameters()]) for part in (network, other))
        away = ((value - expected).norm() / expected.norm().clamp(min=1e-12)).item()
        print(f"gradient of {name}: norm {expected.norm():.4g}, relative difference {away:.1e}")
        assert away <= GRADIENT_TOLERANCE, name
    theirs.model.zero_grad()
    ours.model.zero_grad()
    theirs.loss.known = None


def _gradient(parameter: nn.Parameter) -> Tensor:
    return (torch.zeros_like(parameter) if parameter.grad is None else parameter.grad).flatten()


def seconds(steps: list[Callable[[], None]], repeats: int, *, cuda: bool) -> list[float]:
    """Of each, a median over turns; with one thread those of the processor, which other work hardly touches."""
    clock = time.process_time if not cuda and torch.get_num_threads() == 1 else time.perf_counter
    taken: list[list[float]] = [[] for _ in steps]
    for _ in range(repeats):
        for times, step in zip(taken, steps, strict=True):
            start = clock()
            step()
            if cuda:
                torch.cuda.synchronize()
            times.append(clock() - start)
    return [median(times) for times in taken]


def gmac(step: Callable[[], None]) -> float:
    """Forward and backward; the call warms up as well."""
    with FlopCounterMode(display=False) as counter:
        step()
    return counter.get_total_flops() / 2e9


def example(config: ModelConfig, count: int, device: str) -> dict[str, Tensor]:
    """Smooth random pictures."""
    generator = torch.Generator().manual_seed(0)

    def smooth() -> Tensor:
        small = torch.rand(count, 3, 8, 8, generator=generator)
        return F.interpolate(small, size=(config.size, config.size), mode="bicubic").clamp(0, 1).to(device)

    return {name: smooth() for name in ("source", "driving", "target", "driving2")}


def report(config: ModelConfig, slices: int, options: argparse.Namespace) -> None:
    torch.manual_seed(0)
    model, batch = AnimationModel(config).to(options.device), example(config, options.batch, options.device)
    weights, swap = WEIGHTS[slices], not options.without_swap
    rows: dict[str, Any] = {
        "published": PublishedStep(model, weights, shared=False, swap=swap),
        "published, target features shared": PublishedStep(model, weights, shared=True, swap=swap),
        "ours": OurStep(model, weights, swap=swap),
    }
    print(f"\n{slices} slices, {config.size} pixels, batch {options.batch}, swap {'on' if swap else 'off'}")
    check(rows["ours"], rows["published"], batch)
    if options.bf16:
        rows["ours, bf16"] = OurStep(model, weights, swap=swap, dtype=torch.bfloat16)
    steps = [partial(step, batch) for step in rows.values()]
    counts = [gmac(step) for step in steps]
    cuda = options.device == "cuda"
    times = kept = seconds(steps, options.repeats, cuda=cuda)
    if not cuda:
        with freed_memory_kept():
            seconds(steps, 1, cuda=cuda)  # takes what memory it will need
            kept = seconds(steps, options.repeats, cuda=cuda)
    print(
        "\n| step | s | times ours | s, memory kept | times ours | GMAC | times ours |\n|---|--:|--:|--:|--:|--:|--:|"
    )
    own = list(rows).index("ours")
    for name, *values in zip(rows, times, kept, counts, strict=True):
        cells = zip(values, (kept[own], kept[own], counts[own]), strict=True)
        print(
            f"| {name} | " + " | ".join(f"{value:.3f} | {value / ours:.2f}" for value, ours in cells) + " |", flush=True
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=256, help="of the pictures")
    parser.add_argument("--slices", type=int, nargs="+", choices=WEIGHTS, default=[3, 5], help="of VGG with a weight")
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--without-swap", action="store_true", help="m, r, L and H only: the first two epochs")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--bf16", action="store_true", help="ours in bf16, too")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    for slices in options.slices:
        report(replace(published(), size=options.size), slices, options)


if __name__ == "__main__":
    main()
