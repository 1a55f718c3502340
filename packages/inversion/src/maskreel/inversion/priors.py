"""What is known of pictures in general: neighbouring pixels are alike, and colours are moderate.

`tv_l1`, `tv_l2` and `l2_norm` are means over the pixels of each image, so that a weight means the same for every batch
and size. The `published_` forms are those of DeepInversion (Yin et al. 2020), for reproduction only: they give one
number for the batch, and two of them grow with the square root of the number of pixels.
"""

from __future__ import annotations

import torch
from torch.autograd.function import once_differentiable

__all__ = ["l2_norm", "published_l2_norm", "published_tv_l1", "published_tv_l2", "tv_l1", "tv_l2"]

PIXEL_AXES = (1, 2, 3)
PAIRS = (
    ((..., slice(None, -1)), (..., slice(1, None))),
    ((..., slice(None, -1), slice(None)), (..., slice(1, None), slice(None))),
    ((..., slice(1, None), slice(None, -1)), (..., slice(None, -1), slice(1, None))),
    ((..., slice(None, -1), slice(None, -1)), (..., slice(1, None), slice(1, None))),
)
"""Neighbours along the row, the column, and both diagonals."""


def tv_l1(images: torch.Tensor) -> torch.Tensor:
    """The mean absolute difference of neighbours, summed over two axes and two diagonals.

    Args:
        images: float (B, C, H, W), 2 pixels or more high and wide. Differentiable once.

    Returns:
        (B,); the mean over the batch equals `published_tv_l1`.
    """
    _check(images)
    return _Variation.apply(images, 1)  # pyright: ignore[reportReturnType]


def tv_l2(images: torch.Tensor) -> torch.Tensor:
    """The root of the mean squared difference of neighbours, summed over two axes and two diagonals.

    Args:
        images: float (B, C, H, W), 2 pixels or more high and wide. Differentiable once; the slope at a flat image is 0.

    Returns:
        (B,)
    """
    _check(images)
    return _Variation.apply(images, 2)  # pyright: ignore[reportReturnType]


def l2_norm(images: torch.Tensor, *, centre: float = 0.5) -> torch.Tensor:
    """The root of the mean squared distance to a grey, (B,).

    The published norm is taken of normalised pixels, whose 0 is the mean colour of ImageNet; around the 0 of RGB in
    [0, 1] it would only darken.

    Args:
        images: float (B, C, H, W).
        centre: The grey, in the unit of the images.
    """
    _check(images)
    count = images[0].numel()
    return torch.linalg.vector_norm(images - centre, dim=PIXEL_AXES) / count**0.5


def published_tv_l1(images: torch.Tensor) -> torch.Tensor:
    """DeepInversion's l1 variation: four mean absolute differences over the batch, summed; a scalar."""
    _check(images)
    return torch.stack([difference.abs().mean() for difference in _differences(images)]).sum()


def published_tv_l2(images: torch.Tensor) -> torch.Tensor:
    """DeepInversion's l2 variation: four Frobenius norms of the differences of the whole batch, summed; a scalar.

    It grows with the root of the batch and of the number of pixels.
    """
    _check(images)
    return torch.stack([torch.linalg.vector_norm(difference) for difference in _differences(images)]).sum()


def published_l2_norm(images: torch.Tensor) -> torch.Tensor:
    """DeepInversion's l2 term: the Euclidean norm of each (normalised) image, mean over the batch; a scalar.

    It grows with the root of the number of pixels.
    """
    _check(images)
    return torch.linalg.vector_norm(images, dim=PIXEL_AXES).mean()


def _check(images: torch.Tensor) -> None:
    if not images.is_floating_point():
        raise TypeError(f"images must be floating point, got {images.dtype}")
    if images.ndim != 4 or min(images.shape[-2:]) < 2:
        raise ValueError(f"images must be (B, C, H, W), 2 pixels or more high and wide, got {tuple(images.shape)}")


def _differences(images: torch.Tensor) -> list[torch.Tensor]:
    return [images[first] - images[second] for first, second in PAIRS]


class _Variation(torch.autograd.Function):
    """Variation with the slope worked out on the way.

    Autograd would keep four differences and fill an image with zeros for each of eight slices on its way back, at every
    step.
    """

    @staticmethod
    def forward(ctx, images: torch.Tensor, power: int) -> torch.Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        total = images.new_zeros(len(images))
        slope = torch.zeros_like(images) if ctx.needs_input_grad[0] else None
        for first, second in PAIRS:
            difference = images[first] - images[second]
            mean, scale = _mean_and_scale(difference, power)
            total += mean
            if slope is not None:
                direction = (difference.sign_() if power == 1 else difference).mul_(scale[:, None, None, None])
                slope[first] += direction
                slope[second] -= direction
        ctx.save_for_backward(slope)
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        (slope,) = ctx.saved_tensors
        return slope * gradient[:, None, None, None], None


def _mean_and_scale(difference: torch.Tensor, power: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The mean of order `power` of every image, and the factor from the difference, or its sign, to the slope."""
    count = difference[0].numel()
    if power == 1:
        mean = difference.abs().mean(dim=PIXEL_AXES)
        return mean, torch.full_like(mean, 1 / count)
    norm = torch.linalg.vector_norm(difference, dim=PIXEL_AXES)
    flat = norm == 0
    return norm / count**0.5, torch.where(flat, 0.0, 1 / (norm.masked_fill(flat, 1.0) * count**0.5))
