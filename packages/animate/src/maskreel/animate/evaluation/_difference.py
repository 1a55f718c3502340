"""Where a picture differs from an empty scene: the subject, found without a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["difference_masks"]

_LEVELS = 25


def difference_masks(pictures: Tensor, plate: Tensor, target: Tensor, subject: Tensor) -> Tensor:
    """Pixels that neither the empty scene nor the scene in the subject's shadow explains.

    A pixel counts if one of its channels is more than 25 levels from the plate, and one from what surrounds the subject
    in the target. It misses what is dressed in the colours of the background, and counts a background in wrong colours.

    Args:
        pictures: uint8 (N, 3, H, W).
        plate: uint8 (1, 3, H, W), the empty scene.
        target: uint8 (N, 3, H, W), what the pictures should be.
        subject: bool (N, H, W), of the subject in the target.

    Returns:
        bool (N, H, W).
    """
    lit = torch.where(subject[:, None], plate, target)
    return _far(pictures, plate) & _far(pictures, lit)


def _far(pictures: Tensor, other: Tensor) -> Tensor:
    return ((pictures.short() - other.short()).abs() > _LEVELS).any(1)
