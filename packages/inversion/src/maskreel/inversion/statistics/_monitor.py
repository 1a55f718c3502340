"""`FeatureStatistics`: how far the statistics of images are from those of a teacher, as a loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import torch

from maskreel.common.maskrcnn import identity_statistics
from maskreel.inversion.settings import StatisticsSettings
from maskreel.inversion.statistics._collector import Collector
from maskreel.inversion.statistics._distance import layer_distance, level, published_distance, squared_distance
from maskreel.inversion.statistics._layers import chosen, has_statistics, kind_of, shown, stored
from maskreel.inversion.statistics._reference import LayerStatistics

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn

    from maskreel.inversion.statistics._reference import Reference


class FeatureStatistics:
    """Compares mean and variance of what reaches norm layers with those of the training images (Yin et al. 2020).

    A context manager, within which it listens; each pass of the network within is measured anew:

        with FeatureStatistics(teacher.norm_layers()) as monitor:
            for _ in range(steps):
                answer = teacher.look(images)
                loss = ... + weight * monitor.loss()

    Only the inputs are read: no weight or running statistic changes. Works under autocast (statistics are float32) and
    under torch.compile, if the context is entered before the network is compiled.

    Args:
        layers: In forward order; BatchNorm2d, SyncBatchNorm, or FrozenBatchNorm2d of torchvision or detectron2. With a
            `reference` any layers that are given (B, C, H, W).
        settings: Which layers count, and what the distance is.
        reference: Statistics measured on frames, instead of those that the layers keep.

    Raises:
        ValueError: There is no layer, one keeps no statistics, or those of a new layer (identity), or `reference` does
            not fit the layers.
    """

    def __init__(
        self,
        layers: Mapping[str, nn.Module],
        settings: StatisticsSettings | None = None,
        *,
        reference: Reference | None = None,
    ) -> None:
        self.settings = StatisticsSettings() if settings is None else settings
        if not layers:
            raise ValueError(
                "layers must hold at least one batch norm layer, got none: the network has other norms, or its batch "
                "norm was fused into the convolutions; `maskreel inversion doctor` lists what there is"
            )
        self.layers = chosen(layers, self.settings)
        self._targets = _kept_by(self.layers) if reference is None else _kept_in(reference, self.layers)
        self._collector = Collector(self.layers, per_image=self.settings.per_image)

    def __enter__(self) -> Self:
        self._collector.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._collector.__exit__(kind)

    def loss(self) -> torch.Tensor:
        """The distance of the newest pass, a scalar; (B,) with `per_image`. With gradients if the pass had them.

        normalised: weighted mean over the layers; published: weighted sum.

        Raises:
            ValueError: Not all layers were reached since the last pass that was read.
        """
        parts = torch.stack(list(self._by_layer().values()))
        weights = parts.new_ones(len(parts))
        weights[0] = self.settings.first_multiplier
        if self.settings.form == "normalised":
            weights = weights / weights.sum().clamp(min=1e-12)  # the only layer may have weight 0
        total = (weights[:, None] * parts).sum(0)
        return total if self.settings.per_image else total[0]

    def distances(self) -> dict[str, float]:
        """The distance of each layer in the newest pass without the weight of the first; mean over images if there are
        several values. Raises as `loss` does."""
        with torch.no_grad():
            return {name: float(value.mean()) for name, value in self._by_layer().items()}

    def _by_layer(self) -> dict[str, torch.Tensor]:
        found = self._collector.collected()
        return {name: self._distance(name, mean, variance) for name, (mean, variance) in found.items()}

    def _distance(self, name: str, mean: torch.Tensor, variance: torch.Tensor) -> torch.Tensor:
        settings, target = self.settings, self._target(name, mean.device)
        if settings.form == "published":
            return published_distance(
                mean,
                variance,
                target.mean,
                target.variance,
                norm=settings.norm,
                variance_weight=settings.variance_weight,
            )
        squared = squared_distance(
            mean, variance, target.mean, target.variance, variance_weight=settings.variance_weight
        )
        return layer_distance(squared, settings.norm) / level(target.spread)

    def _target(self, name: str, device: torch.device) -> LayerStatistics:
        if self._targets[name].mean.device != device:
            self._targets[name] = self._targets[name].to(device)
        return self._targets[name]


def _kept_by(layers: Mapping[str, nn.Module]) -> dict[str, LayerStatistics]:
    if others := [f"{name} ({type(layer).__name__})" for name, layer in layers.items() if not has_statistics(layer)]:
        raise ValueError(f"layers must keep a running mean and variance, but these do not: {shown(others)}")
    if identity := identity_statistics(layers):
        raise ValueError(
            f"{len(identity)} of {len(layers)} layers have the statistics of a new layer (means 0, variances 1), which "
            f"say nothing about images: {shown(list(identity))}; the network was not trained, or its batch norm is "
            "fused: leave them out with names, or measure statistics on frames with `maskreel inversion doctor --save`"
        )
    found = {name: LayerStatistics(*stored(layer)) for name, layer in layers.items()}
    for name, layer in found.items():
        if not (layer.mean.isfinite().all() and layer.variance.isfinite().all() and (layer.variance >= 0).all()):
            raise ValueError(
                f"{name} ({kind_of(layers[name])}) has statistics that are not finite, or a variance below 0"
            )
    return found


def _kept_in(reference: Reference, layers: Mapping[str, nn.Module]) -> dict[str, LayerStatistics]:
    reference.check(layers)
    return {name: reference.layers[name] for name in layers}
