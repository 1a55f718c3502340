"""Framings that go close to the subject, so that the networks' few pixels are spent on it."""

from __future__ import annotations

import logging
from functools import reduce
from typing import TYPE_CHECKING

from maskreel.animate.framing._box import Box, square_around
from maskreel.animate.framing._find import subject_boxes
from maskreel.animate.framing._square import whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from torch import Tensor

    from maskreel.animate.framing._square import Framing
    from maskreel.animate.model import AnimationModel

__all__ = ["around_moving_subject", "around_subject"]

logger = logging.getLogger(__name__)

_AT_ONCE = 8


def around_subject(model: AnimationModel, frames: Tensor, *, margin: float = 0.2) -> Framing:
    """A square around what m takes for the subject, found in a look at the whole frame and a few closer ones.

    Args:
        model: whose m looks.
        frames: uint8 (3, H, W), or (N, 3, H, W), then the square holds the subjects of all of them.
        margin: what is seen on each side of the subject's box, as a share of its longer side; 0.2 shows people about
            as large as those the shipped model was trained on. It is less where the frame ends sooner.

    Returns:
        The smallest such square, moved into the frame where it fits. Where m finds nothing that could be a subject, a
        warning is logged and it is `whole`.
    """
    return around_moving_subject(model, [frames if frames.ndim == 4 else frames[None]], margin=margin)


def around_moving_subject(model: AnimationModel, batches: Iterable[Tensor], *, margin: float = 0.2) -> Framing:
    """One square for all frames that are given of a video, in bounded memory; the camera is assumed to stand still.

    Args:
        model: whose m looks.
        batches: uint8 (N, 3, H, W) in order, one or more frames in all.
        margin: as for `around_subject`.

    Raises:
        ValueError: there are no frames, their size changes, or the margin is negative.
    """
    if margin < 0:
        raise ValueError(f"margin must be 0 or more, got {margin}")
    size, boxes = None, []
    for frames in _by_few(batches):
        size = _common_size(frames, size)
        boxes = [reduce(Box.union, found)] if (found := boxes + subject_boxes(model, frames)) else []
    if size is None:
        raise ValueError("batches must hold one or more frames, got none")
    if not boxes:
        logger.warning("no subject to go closer to was found: the frame of %d x %d pixels is taken whole", *size[::-1])
        return whole(size)
    return square_around(boxes[0], size, margin)


def _by_few(batches: Iterable[Tensor]) -> Iterator[Tensor]:
    for batch in batches:
        if batch.ndim != 4:
            raise ValueError(f"frames must have shape (N, 3, H, W), got {tuple(batch.shape)}")
        if len(batch):
            yield from batch.split(_AT_ONCE)


def _common_size(frames: Tensor, known: tuple[int, int] | None) -> tuple[int, int]:
    size = (frames.shape[-2], frames.shape[-1])
    if known not in (None, size):
        raise ValueError(f"frames must be of one size, got {size} after {known}")
    return size
