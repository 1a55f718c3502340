"""From the coarse mask of a subject to its soft edge at full size, and to colours free of the old background."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from maskreel.animate.backdrop import push_pull

if TYPE_CHECKING:
    from maskreel.animate.framing import Framing

__all__ = ["matte_of", "subject_colours", "subject_region"]

_FAINT = 0.1
"""Less of a mask is no subject."""
_FROM, _TO = 0.3, 0.7
"""Between them in a mask, opacity goes from 0 to 1."""
_SURE = 0.9
"""More of a mask is surely subject, without a share of the background."""


def matte_of(masks: Tensor, pictures: Tensor, framing: Framing) -> Tensor:
    """Alpha of the subject in the full frame: float (N, 1, H, W), 0 wherever the mask is below 0.3.

    Args:
        masks: float (N, 1, s, s).
        pictures: float (N, 3, S, S).
        framing: where they are in the full frame.
    """
    soft = framing.place(_enlarged(masks, pictures.shape[-1]))
    ramp = ((soft - _FROM) / (_TO - _FROM)).clamp(0, 1)
    return ramp * ramp * (3 - 2 * ramp) * framing.coverage().to(masks.device)


def subject_colours(pictures: Tensor, masks: Tensor) -> Tensor:
    """The pictures with the colours of the subject drawn outwards over its edge, so that no old background is left.

    Kept is what the mask is sure of, and, where it is not, what lies deeper inside than the edge is wide.

    Args:
        pictures: float (N, 3, S, S).
        masks: float (N, 1, s, s).

    Returns:
        float (N, 3, S, S).
    """
    size = pictures.shape[-1]
    soft = _enlarged(masks, size)
    reach = size // masks.shape[-1] + 1
    deep = -F.max_pool2d(-(soft > _FROM).to(soft.dtype), 2 * reach + 1, 1, reach)
    return push_pull(pictures, torch.maximum(((soft - _TO) / (_SURE - _TO)).clamp(0, 1), deep))


def subject_region(masks: Tensor, framing: Framing) -> tuple[Tensor, float]:
    """Everything that may be the subject, bool (N, 1, H, W), and the width in pixels of the soft edge around it."""
    region = framing.place(masks) > _FAINT
    return region, max(2.0, framing.side / masks.shape[-1])


def _enlarged(masks: Tensor, pixels: int) -> Tensor:
    return F.interpolate(masks, (pixels, pixels), mode="bilinear", align_corners=False)
