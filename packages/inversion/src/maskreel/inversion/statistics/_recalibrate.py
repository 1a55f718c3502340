"""Statistics of a teacher's layers on frames, pooled exactly over all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from maskreel.inversion.statistics._collector import Collector
from maskreel.inversion.statistics._distance import squared_distance
from maskreel.inversion.statistics._fingerprint import fingerprint
from maskreel.inversion.statistics._reference import LayerStatistics, Reference

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from torch import nn

SAMPLE = 256
"""Most frames that the spread is measured on, evenly over all."""


def recalibrate(
    teacher: Any, batches: Iterable[torch.Tensor], *, layers: Mapping[str, nn.Module] | None = None
) -> Reference:
    """Measure what reaches the norm layers of `teacher` on frames; the teacher itself does not change.

    Mean and variance are those of all pixels of all frames together, however they are batched; where frames differ in
    size, every frame weighs the same.

    Args:
        teacher: A `Teacher`: an nn.Module with `norm_layers()` and `look(images)`.
        batches: float32 (B, 3, H, W) in [0, 1]; read one by one.
        layers: Others than `teacher.norm_layers()`, for example convolutions of a network without batch norm.

    Raises:
        ValueError: There is no frame or no layer, or a layer is not reached.
    """
    layers = teacher.norm_layers() if layers is None else layers
    if not layers:
        raise ValueError("layers must hold at least one layer to measure, got none")
    pools = {name: _Pool() for name in layers}
    device, frames = next(teacher.parameters()).device, 0
    with torch.no_grad(), Collector(layers, per_image=True) as collector:
        for images in batches:
            teacher.look(images.to(device))
            for name, (mean, variance) in collector.collected().items():
                pools[name].add(mean.double().cpu(), variance.double().cpu())
            frames += len(images)
    if not frames:
        raise ValueError("batches must hold at least one frame, got none")
    return Reference({name: pool.statistics() for name, pool in pools.items()}, frames, fingerprint(teacher))


class _Pool:
    """Running sums over images, each of which weighs the same, and an even sample of images."""

    def __init__(self) -> None:
        self.count, self.stride = 0, 1
        self.mean: torch.Tensor = torch.zeros(())
        self.square: torch.Tensor = torch.zeros(())
        self.sample: list[tuple[torch.Tensor, torch.Tensor]] = []

    def add(self, means: torch.Tensor, variances: torch.Tensor) -> None:
        """Of some images: float64 (B, C) each. The squares are taken about the running mean (Chan et al. 1979)."""
        for mean, variance in zip(means, variances, strict=True):
            if self.count % self.stride == 0:
                self._keep(mean, variance)
            self.count += 1
            away = mean - self.mean
            self.mean = self.mean + away / self.count
            self.square = self.square + variance + away * (mean - self.mean)

    def _keep(self, mean: torch.Tensor, variance: torch.Tensor) -> None:
        self.sample.append((mean.float(), variance.float()))
        if len(self.sample) > SAMPLE:
            self.sample, self.stride = self.sample[::2], self.stride * 2

    def statistics(self) -> LayerStatistics:
        mean, variance = self.mean.float(), (self.square / self.count).float()
        if len(self.sample) < 2:
            return LayerStatistics(mean, variance)
        means, variances = (torch.stack(parts) for parts in zip(*self.sample, strict=True))
        return LayerStatistics(mean, variance, squared_distance(means, variances, mean, variance).mean(0))
