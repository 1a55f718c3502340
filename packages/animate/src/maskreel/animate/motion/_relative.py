"""Driving masks brought to where the source's subject stands."""

from __future__ import annotations

import torch
from torch import Tensor

from maskreel.animate.motion._absolute import AbsoluteMotion
from maskreel.animate.motion._align import aligned
from maskreel.animate.motion._moments import has_subject, moments, one_mask
from maskreel.common.errors import InputError

__all__ = ["RelativeMotion"]


class RelativeMotion:
    """Driving masks moved and scaled so that the starting one lies on the source's mask and is as large.

    One shift and one scale serve for all frames: they take the centroid of the starting driving mask to the source's,
    and the square root of its area to the source's. So the subject starts where it stands, goes as far as the driving
    one in proportion to its own size, and grows as the driving one does. Shapes stay. Masks without subject are
    treated as by `AbsoluteMotion`, but until the first one with a subject, it is the source's own.

    Args:
        source_mask: m of the source, float (1, s, s) or (1, 1, s, s).
        start_mask: m of the driving frame in which the driving subject stands as the source's does: the first one, or
            that of `best_start`. If it shows no subject, the first driving mask with one takes its place.

    Raises:
        InputError: the source's mask shows no subject.
    """

    def __init__(self, source_mask: Tensor, start_mask: Tensor) -> None:
        self._source, start = one_mask(source_mask, "source_mask"), one_mask(start_mask, "start_mask")
        if not has_subject(self._source).item():
            raise InputError("the source picture shows no subject, so motion relative to its pose is not possible")
        self._start = start if has_subject(start).item() else None
        self._hold = AbsoluteMotion()

    def __call__(self, masks: Tensor) -> Tensor:
        """float (N, 1, s, s) to the same."""
        waiting = 0 if self._start is not None else _first(has_subject(masks))
        masks = self._hold(masks)
        if self._start is None and waiting < len(masks):
            self._start = masks[waiting : waiting + 1].clone()
        still = self._source.to(masks).expand(waiting, -1, -1, -1)
        return torch.cat([still, self._moved(masks[waiting:])])

    def _moved(self, masks: Tensor) -> Tensor:
        if self._start is None:
            return masks
        ours, theirs = moments(self._source.to(masks)), moments(self._start.to(masks))
        return aligned(masks, centre=theirs.centre, to=ours.centre, scale=ours.scale / theirs.scale)


def _first(good: Tensor) -> int:
    """Index of the first True, or the length if there is none."""
    return int(good.nonzero()[0]) if good.any() else len(good)
