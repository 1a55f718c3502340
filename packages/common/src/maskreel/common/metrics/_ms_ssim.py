"""Structural similarity at five sizes of the images."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from maskreel.common.metrics._checks import check_images, unit_range, wide_dtype
from maskreel.common.metrics._ssim import similarity_parts

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Exponents of the five scales, from the finest to the coarsest."""
WINDOW, _SIGMA = 11, 1.5
LEAST_SIDE = WINDOW * 2 ** (len(WEIGHTS) - 1)
"""Pixels; the window has to fit into the coarsest scale."""


def ms_ssim(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Multi-scale structural similarity of each image (Wang, Simoncelli and Bovik, "Multi-scale Structural Similarity
    for Image Quality Assessment", Asilomar 2003), with the five scales and the weights of the paper.

    Between scales, images are halved by means of 2x2 pixels. Each scale gives the mean over pixels and channels of
    contrast with structure, the coarsest that of the whole SSIM; a negative mean counts as 0.

    Args:
        a: uint8 (0 to 255) or float (0 to 1), (..., 3, H, W), 176 pixels or more each way.
        b: the same shape and dtype.

    Returns:
        float64 (...) (float32 on MPS), 0 to 1.

    Raises:
        ValueError: besides wrong shapes, an image smaller than 176 pixels.
    """
    check_images(a, b, None)
    leading, plane = a.shape[:-3], a.shape[-2:]
    if min(plane) < LEAST_SIDE:
        raise ValueError(f"images must be {LEAST_SIDE} pixels or more each way, got {plane[0]}x{plane[1]}")
    pairs = zip(a.reshape(-1, 3, *plane), b.reshape(-1, 3, *plane), strict=True)
    values = [_image_similarity(unit_range(x), unit_range(y)) for x, y in pairs]
    return torch.stack(values).reshape(leading)


def _image_similarity(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Of one image, float (3, H, W)."""
    result = torch.ones((), dtype=wide_dtype(a.device), device=a.device)
    for scale, weight in enumerate(WEIGHTS):
        if scale:
            a, b = F.avg_pool2d(a, 2), F.avg_pool2d(b, 2)
        luminance, structure = similarity_parts(a, b, WINDOW, _SIGMA)
        values = luminance * structure if scale == len(WEIGHTS) - 1 else structure
        result = result * values.mean(dtype=result.dtype).clamp(min=0) ** weight
    return result
