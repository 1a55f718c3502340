"""The flow of a camera transform."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from maskreel.common.flow._checks import check_size

if TYPE_CHECKING:
    import numpy as np


def affine_flow(matrix: torch.Tensor | np.ndarray, size: tuple[int, int]) -> torch.Tensor:
    """The flow that moves every pixel p to A p.

    Args:
        matrix: (2, 3) affine or (3, 3) homography on pixel coordinates (x, y, 1), as OpenCV's estimateAffine2D and
            findHomography return it.
        size: (height, width) of the flow.

    Returns:
        float32 (2, height, width), pixels, on the device of `matrix`.

    Raises:
        ValueError: `matrix` has another shape, or sends a pixel of the frame to infinity or behind the camera.
    """
    check_size(size)
    matrix = torch.as_tensor(matrix)
    if matrix.shape not in ((2, 3), (3, 3)):
        raise ValueError(f"matrix must have shape (2, 3) or (3, 3), got {tuple(matrix.shape)}")
    # A p - p is formed as (A - I) p: large coordinates then cost no precision in float32
    change = _change(matrix).to(matrix.device, torch.float32)
    x = torch.arange(size[1], dtype=torch.float32, device=matrix.device)
    y = torch.arange(size[0], dtype=torch.float32, device=matrix.device)[:, None]
    dx, dy, dw = (row[0] * x + row[1] * y + row[2] for row in change)
    if not (dw > -1).all():
        raise ValueError(f"matrix sends pixels of a {size[0]}x{size[1]} frame to infinity: {matrix.tolist()}")
    return torch.stack(((dx - x * dw) / (1 + dw), (dy - y * dw) / (1 + dw)))


def _change(matrix: torch.Tensor) -> torch.Tensor:
    """A - I as float64 (3, 3), after scaling A so that its last entry is 1."""
    full = torch.eye(3, dtype=torch.float64)
    full[: len(matrix)] = matrix.detach().cpu().double()
    if full[2, 2] == 0:
        raise ValueError(f"matrix must have a last entry other than 0, got {matrix.tolist()}")
    return full / full[2, 2] - torch.eye(3, dtype=torch.float64)
