"""Whether red and blue are exchanged in the frames of a labelled clip."""

from __future__ import annotations

import numpy as np

from maskreel.common.world import OBJECT_CLASSES

_LEAST_CHROMA = 1000.0
"""Squared grey levels by which exchanged channels must fit better; rendered clips differ by 2700 and more."""
_CHROMA = np.array([np.zeros(3), *(np.array(kind.rgb) - np.mean(kind.rgb) for kind in OBJECT_CLASSES)])


def channel_agreement(frames: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """How well the colours inside the masks fit their classes, as they are and with red and blue exchanged.

    Args:
        frames: uint8 (T, H, W, 3), RGB.
        labels: uint8 (T, H, W), class ids 0 to 48.

    Returns:
        Two sums over the classes of products of chroma (colour without its grey); the larger one fits better.
    """
    objects = labels > 0  # a few percent of the pixels
    ids, pixels = labels[objects], frames[objects]
    counts = np.bincount(ids, minlength=len(_CHROMA))
    sums = [np.bincount(ids, pixels[:, channel], len(_CHROMA)) for channel in range(3)]
    colours = np.stack(sums, axis=1) / np.maximum(counts, 1)[:, None]
    chroma = (colours - colours.mean(1, keepdims=True)) * (counts > 0)[:, None]
    return float((chroma * _CHROMA).sum()), float((chroma[:, ::-1] * _CHROMA).sum())


def looks_swapped(agreement: tuple[float, float]) -> bool:
    """Whether the masks tell clearly that red and blue are exchanged."""
    kept, exchanged = agreement
    return exchanged > kept + _LEAST_CHROMA
