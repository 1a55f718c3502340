"""The motion of a plane seen by a moving camera, to second order: 8 parameters, as Bergen et al. (ECCV 1992).

u = a0 + a1 x + a2 y + a6 x² + a7 x y,  v = a3 + a4 x + a5 y + a6 x y + a7 y²,
where x and y run from -1 to 1 over the longer side of the image. What is written here works alike on NumPy arrays, with
which a background is fitted around a hole, and on tensors, with which networks fit whole batches.
"""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import torch

__all__ = ["equations", "normalised", "velocity"]

Numbers = TypeVar("Numbers", np.ndarray, torch.Tensor)


def normalised(x: Numbers, y: Numbers, size: tuple[int, int]) -> tuple[Numbers, Numbers]:
    """Pixels of an image of (height, width) `size` as coordinates of the model."""
    height, width = size
    half = max(height, width) / 2
    return (x - (width - 1) / 2) / half, (y - (height - 1) / 2) / half


def velocity(parameters: Numbers, x: Numbers, y: Numbers) -> tuple[Numbers, Numbers]:
    """u and v, in the unit of the parameters (8, ...), at coordinates of the model; all shapes broadcast."""
    a: Any = parameters
    common = a[6] * x + a[7] * y
    return a[0] + a[1] * x + a[2] * y + common * x, a[3] + a[4] * x + a[5] * y + common * y


def equations(x: Numbers, y: Numbers, one: Numbers) -> tuple[tuple[Numbers, ...], tuple[Numbers, ...]]:
    """The 8 columns by which u, and those by which v, follows from the parameters at coordinates of the model.

    Args:
        x: (P,).
        y: (P,).
        one: (P,), ones.
    """
    zero = 0 * one
    return (one, x, y, zero, zero, zero, x * x, x * y), (zero, zero, zero, one, x, y, x * y, y * y)
