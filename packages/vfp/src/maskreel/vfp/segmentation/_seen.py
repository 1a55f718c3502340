"""Which objects there are, from the label maps of the observed frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

__all__ = ["seen_classes"]


def seen_classes(observed: torch.Tensor, *, frames: int = 2) -> tuple[int, ...]:
    """Classes other than the background in at least so many of the label maps, uint8 (T, H, W), in rising order.

    What was found in one frame only is a mistake more often than an object.
    """
    if frames < 1:
        raise ValueError(f"frames must be 1 or more, got {frames}")
    found = [label for plane in observed for label in plane.unique().tolist()]
    return tuple(sorted({label for label in found if label != 0 and found.count(label) >= frames}))
