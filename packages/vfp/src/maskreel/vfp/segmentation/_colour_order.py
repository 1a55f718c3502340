"""Red and blue exchanged: the fault that looks like a weak segmenter, because colour is the class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from maskreel.common.errors import InputError
from maskreel.common.metrics import class_iou
from maskreel.common.world import OBJECT_CLASSES

if TYPE_CHECKING:
    from maskreel.common.metrics import MeanIoU

__all__ = ["check_colour_order", "swapped_classes"]

EXCHANGED = {"red": "blue", "blue": "red", "cyan": "yellow", "yellow": "cyan"}
"""What colours look like in BGR; gray, green, brown and purple come out nearest to themselves."""
ENOUGH = 2000
"""Pixels of objects in coloured classes from which on the answer is trusted."""


def swapped_classes() -> torch.Tensor:
    """int64 (49,): for every class the one that it looks like when red and blue are exchanged."""
    places = {(kind.shape, kind.material, kind.colour): kind.number for kind in OBJECT_CLASSES}
    other = [places[kind.shape, kind.material, EXCHANGED.get(kind.colour, kind.colour)] for kind in OBJECT_CLASSES]
    return torch.tensor([0, *other])


def check_colour_order(metric: MeanIoU, what: object) -> None:
    """Refuse results that fit the truth clearly better with red and blue exchanged.

    Args:
        metric: What has been counted, with the 49 classes of the data set.
        what: The frames, for the message.

    Raises:
        InputError: The frames look like BGR.
    """
    swapped = swapped_classes()
    coloured = swapped != torch.arange(len(swapped))
    if int(metric.confusion[coloured].sum()) < ENOUGH:
        return
    readings = (metric.confusion, metric.confusion[:, swapped])
    readings = (metric.confusion, metric.confusion[:, swapped])
    found, exchanged = (float(class_iou(confusion)[coloured].nanmean()) for confusion in readings)
    if exchanged > 2 * found:
        raise InputError(
            f"{what} seems to hold BGR colours, expected RGB: red objects are found as blue and cyan ones as yellow, "
            f"and with these exchanged the IoU of coloured objects is {exchanged:.3f} instead of {found:.3f}"
        )
