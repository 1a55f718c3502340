"""The driving frame in which the driving subject stands most like the source's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from maskreel.animate.motion._align import aligned
from maskreel.animate.motion._moments import has_subject, moments, one_mask
from maskreel.common.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["StartSearch", "best_start"]


class StartSearch:
    """Looks at driving masks batch by batch and remembers the one nearest to the source's in shape.

    Each is moved and scaled onto the source's mask by centroid and area; the nearest has the largest IoU (sum of
    minima over sum of maxima), the earliest of equals.

    Args:
        source_mask: float (1, s, s) or (1, 1, s, s).

    Raises:
        InputError: it shows no subject.
    """

    def __init__(self, source_mask: Tensor) -> None:
        self._source, self._seen = one_mask(source_mask, "source_mask"), 0
        if not has_subject(self._source).item():
            raise InputError("the source picture shows no subject, so no driving frame can be compared with it")
        self.index: int | None = None
        """Number of the best frame; None before a subject was seen."""
        self.iou = 0.0
        """Of that frame."""
        self.mask: Tensor | None = None
        """Its mask, (1, 1, s, s); what `RelativeMotion` starts from."""

    def add(self, masks: Tensor) -> None:
        """Look at the next driving masks, float (N, 1, s, s)."""
        for place in has_subject(masks).nonzero()[:, 0].tolist():
            mask = masks[place : place + 1].detach()
            iou = self._iou(mask)
            if self.index is None or iou > self.iou:
                self.index, self.iou, self.mask = self._seen + place, iou, mask.clone()
        self._seen += len(masks)

    def _iou(self, mask: Tensor) -> float:
        source = self._source.to(mask)
        ours, theirs = moments(source), moments(mask)
        moved = aligned(mask, centre=theirs.centre, to=ours.centre, scale=ours.scale / theirs.scale)
        return (torch.minimum(moved, source).sum() / torch.maximum(moved, source).sum()).item()


def best_start(source_mask: Tensor, masks: Tensor | Iterable[Tensor]) -> int:
    """Number of the driving frame whose mask is nearest to the source's in shape, see `StartSearch`.

    Args:
        source_mask: float (1, s, s) or (1, 1, s, s).
        masks: float (N, 1, s, s), or batches of them in order, of which one at a time is held.

    Raises:
        InputError: the source's mask shows no subject, or no driving mask does.
    """
    search = StartSearch(source_mask)
    for batch in [masks] if isinstance(masks, Tensor) else masks:
        search.add(batch)
    if search.index is None:
        raise InputError("no driving frame shows a subject, expected one that moves")
    return search.index
