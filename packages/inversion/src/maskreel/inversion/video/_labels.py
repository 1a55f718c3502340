"""Which object a pixel shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

    from maskreel.inversion.targets import FrameTarget

__all__ = ["UNKNOWN", "label_map", "target_labels"]

UNKNOWN = -1
"""Of void pixels: they belong to nothing, so they are never seen twice."""


def label_map(masks: torch.Tensor) -> np.ndarray:
    """int32 (H, W) from bool (N, H, W): 1 + the index of the object, 0 for the background; later masks lie on top."""
    labels = np.zeros(masks.shape[-2:], np.int32)
    for index, mask in enumerate(masks.cpu().numpy()):
        labels[mask] = index + 1
    return labels


def target_labels(target: FrameTarget) -> np.ndarray:
    """The label map of a target, `UNKNOWN` where it is void."""
    labels = label_map(target.masks)
    if target.void is not None:
        labels[target.void.cpu().numpy()] = UNKNOWN
    return labels
