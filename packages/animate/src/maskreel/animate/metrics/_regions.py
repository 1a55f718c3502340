"""Where in a picture a number is measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from maskreel.common.masks import dilate, erode

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["MARGIN", "Regions", "regions"]

MARGIN = 4.0
"""Pixels on either side of an outline that belong to it."""


class Regions(NamedTuple):
    """bool (..., H, W) each."""

    foreground: Tensor
    """The subject."""
    background: Tensor
    """All but the subject."""
    boundary: Tensor
    """Pixels whose distance to the outline is `margin` or less, inside and outside."""
    inside: Tensor
    """The subject without the boundary."""
    outside: Tensor
    """The background without the boundary."""


def regions(masks: Tensor, *, margin: float = MARGIN) -> Regions:
    """Foreground, background and what is around the outline between them.

    The distance of a pixel is that to the nearest pixel of the other kind. The edge of the picture is no outline.

    Args:
        masks: bool (..., H, W), the subject.
        margin: pixels, 0 or more.
    """
    inside, outside = erode(masks, margin), ~dilate(masks, margin)
    return Regions(masks, ~masks, ~inside & ~outside, inside, outside)
