"""The statistics doctor: which layers of a teacher can say what images look like, and what is wrong with the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from maskreel.common.maskrcnn import identity_statistics
from maskreel.inversion.statistics._distance import layer_distance, squared_distance
from maskreel.inversion.statistics._layers import (
    Kind,
    channels_of,
    found_norms,
    has_statistics,
    kind_of,
    stored,
    updates_itself,
)
from maskreel.inversion.statistics._recalibrate import recalibrate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import torch
    from torch import nn

    from maskreel.inversion.statistics._reference import Reference

STALE = 0.5
"""Distance from frames above which statistics are called stale: every mean off by half a standard deviation, or every
variance by a factor of 2. With `shapes`, 8 frames of its own scene have 0.17 at most, and noise 1.1 at least."""


@dataclass(frozen=True)
class LayerReport:
    """What there is to say about one norm layer."""

    name: str
    kind: Kind
    channels: int | None
    used: bool
    """Whether it is one of the teacher's `norm_layers()`."""
    fault: str | None = None
    """Why it cannot be used, or, of a layer that is not used, why not."""
    distance: float | None = None
    """Of its statistics from those of the frames, see `squared_distance`; None: no frames, or none stored."""

    @property
    def stale(self) -> bool:
        """Whether the frames look different from what the layer remembers."""
        return self.distance is not None and self.distance > STALE


@dataclass(frozen=True)
class Diagnosis:
    """What the doctor found."""

    layers: tuple[LayerReport, ...]
    """The used ones first, in forward order."""
    verdict: str
    """One sentence."""
    usable: bool
    """Whether `FeatureStatistics` can work with the layers as they are, and most are not stale for the frames."""
    reference: Reference | None = None
    """Statistics of the frames, if there were any."""


def examine(teacher: Any, frames: Iterable[torch.Tensor] | None = None) -> Diagnosis:
    """List every norm layer of a network and say whether its statistics can be used.

    Args:
        teacher: A `Teacher`, or its `norm_layers()` by themselves, which then are all that is seen.
        frames: float32 (B, 3, H, W) batches like those that are wanted; they tell whether statistics are stale.

    Raises:
        ValueError: Frames are given with layers alone.
    """
    is_network = hasattr(teacher, "norm_layers")
    candidates: Mapping[str, nn.Module] = teacher.norm_layers() if is_network else teacher
    if frames is not None and not is_network:
        raise ValueError("frames need a teacher to look at them, got layers alone")
    reference = recalibrate(teacher, frames, layers=candidates) if frames is not None and candidates else None
    used = tuple(_report(name, layer, reference) for name, layer in candidates.items())
    others = _others(teacher, candidates) if is_network else ()
    verdict, usable = _verdict(used, found_norms(teacher) if is_network else "no layers")
    return Diagnosis((*used, *others), verdict, usable, reference)


def _report(name: str, layer: nn.Module, reference: Reference | None) -> LayerReport:
    fault = _fault(layer)
    distance = None
    if reference is not None and fault is None:
        mean, variance = (value.cpu() for value in stored(layer))
        seen = reference.layers[name]
        distance = float(layer_distance(squared_distance(seen.mean, seen.variance, mean, variance), 2))
    return LayerReport(name, kind_of(layer), channels_of(layer), True, fault, distance)


def _fault(layer: nn.Module) -> str | None:
    """What makes the statistics of a layer useless, if anything does."""
    if not has_statistics(layer):
        return "keeps no running mean and variance"
    mean, variance = stored(layer)
    if not (mean.isfinite().all() and variance.isfinite().all()):
        return "statistics are not finite"
    if (variance < 0).any():
        return f"{int((variance < 0).sum())} variances are negative"
    if identity_statistics({"": layer}):
        counted = getattr(layer, "num_batches_tracked", None)
        never = counted is not None and int(counted) == 0
        return "identity statistics: never trained" if never else "identity statistics: fused"
    if len(variance) > 1 and bool((variance == variance[0]).all()):
        return f"all variances are {float(variance[0]):.3g}"
    return "in training mode" if updates_itself(layer) else None


def _others(network: nn.Module, candidates: Mapping[str, nn.Module]) -> tuple[LayerReport, ...]:
    """Norm layers of the network that are not among the candidates."""
    seen = {id(layer) for layer in candidates.values()}
    return tuple(
        LayerReport(name, kind, channels_of(layer), False, _why_not(layer))
        for name, layer in network.named_modules()
        if id(layer) not in seen and ((kind := kind_of(layer)) != "other")
    )


def _why_not(layer: nn.Module) -> str:
    if has_statistics(layer):
        return "outside norm_layers(), as those of heads are: they see few crops"
    return "keeps no running mean and variance"


def _verdict(used: tuple[LayerReport, ...], found: str) -> tuple[str, bool]:
    """One sentence, and whether the layers can be used."""
    if not used:
        return f"Not usable: no batch norm layer, but {found}; it was fused, or there never was one.", False
    if faulty := [layer for layer in used if layer.fault is not None]:
        first = f"{len(faulty)} of {len(used)} layers cannot be used ({faulty[0].name}: {faulty[0].fault})"
        return f"Not usable as it is: {first}; measure them on frames (--frames, --save) or leave them out.", False
    stale = [layer for layer in used if layer.stale]
    if 2 * len(stale) > len(used):
        return (
            f"Not usable for such frames: {len(stale)} of {len(used)} layers are stale, off by more than {STALE}; save "
            "statistics of these frames instead (--save)."
        ), False
    some = f", of which {len(stale)} are stale: off by more than {STALE} (--save measures them anew)" if stale else ""
    return f"Usable: {len(used)} layers with statistics{some}.", True
