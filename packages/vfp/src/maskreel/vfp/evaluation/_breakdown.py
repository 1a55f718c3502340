"""The score of the objects of one kind, or of one fate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self

import torch

from maskreel.common.metrics import confusion_matrix, sum_over_ranks
from maskreel.common.world import OBJECT_CLASSES
from maskreel.vfp.evaluation._events import EVENTS, Event
from maskreel.vfp.objects.sightings import MIN_PIXELS
from maskreel.vfp.timeline import CLASSES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

__all__ = ["ForecastBreakdown", "GroupScore", "Grouping"]

Grouping = Literal["all", "shape", "material", "colour", "event"]

INVENTED = "invented"
"""Objects of a forecast that the clip does not have: those of no event."""


_ATTRIBUTES: tuple[Grouping, ...] = ("shape", "material", "colour")


def _groups() -> tuple[tuple[Grouping, str], ...]:
    groups: list[tuple[Grouping, str]] = [("all", "all objects")]
    for grouping in _ATTRIBUTES:
        names = dict.fromkeys(getattr(kind, grouping) for kind in OBJECT_CLASSES)
        groups.extend([(grouping, name) for name in names])
    groups.extend([("event", name) for name in (*EVENTS, INVENTED)])
    return tuple(groups)


_GROUPS = _groups()
_PLACES = {group: place for place, group in enumerate(_GROUPS)}


@dataclass(frozen=True)
class GroupScore:
    """How well the objects of one group are forecast."""

    grouping: Grouping
    name: str
    objects: int
    """How many: an object is a class in a clip."""
    iou: float | None
    """For each object, the pixels that both forecast and truth give to its class, and those that either does; the sum
    of the first over all objects of the group by the sum of the second. None where neither has a pixel."""
    forecast: float | None
    """Share of the objects of which the forecast shows 12 pixels or more; right for all but those that have left."""


class ForecastBreakdown:
    """Scores by shape, material, colour and event: `update` with each clip, then `compute`.

    An object is in the groups of its shape, material and colour and in those of all its events, so the groups of events
    overlap. A class that is forecast but that the clip does not have counts as invented.
    """

    def __init__(self) -> None:
        # for each group: objects, pixels of both, pixels of either, objects that are forecast
        self._sums = torch.zeros(len(_GROUPS), 4, dtype=torch.int64)

    def update(self, prediction: torch.Tensor, truth: torch.Tensor, events: Mapping[int, frozenset[Event]]) -> None:
        """Count one clip.

        Args:
            prediction: uint8 (H, W), the forecast of the last frame.
            truth: uint8 (H, W), its true label map.
            events: What `clip_events` says about the clip.
        """
        for name, labels in (("prediction", prediction), ("truth", truth)):
            if labels.ndim != 2:
                raise ValueError(f"{name} must have shape (H, W), got {tuple(labels.shape)}")
        confusion = confusion_matrix(prediction, truth, CLASSES).cpu()
        hits, painted = confusion.diagonal(), confusion.sum(0)
        union = painted + confusion.sum(1) - hits
        shown = painted >= MIN_PIXELS
        for label in range(1, CLASSES):
            if label in events or union[label]:
                counts = torch.stack((hits.new_tensor(1), hits[label], union[label], shown[label].long()))
                told = events.get(label, () if confusion[label].any() else (INVENTED,))
                self._sums[[_PLACES[group] for group in _groups_of(label, told)]] += counts

    def merge(self, other: ForecastBreakdown) -> None:
        """Add what `other` has counted."""
        self._sums += other._sums

    def reduce(self) -> Self:
        """A new breakdown with what all ranks of torch.distributed have counted; every rank must call it."""
        total = type(self)()
        total._sums = sum_over_ranks(self._sums)
        return total

    def compute(self) -> tuple[GroupScore, ...]:
        """One score for each group, also for those without an object, always in the same order."""
        return tuple(
            GroupScore(*group, objects, hits / union if union else None, shown / objects if objects else None)
            for group, (objects, hits, union, shown) in zip(_GROUPS, self._sums.tolist(), strict=True)
        )


def _groups_of(label: int, events: Collection[str]) -> Iterator[tuple[Grouping, str]]:
    kind = OBJECT_CLASSES[label - 1]
    yield "all", "all objects"
    for grouping in _ATTRIBUTES:
        yield grouping, getattr(kind, grouping)
    for name in events:
        yield "event", name
