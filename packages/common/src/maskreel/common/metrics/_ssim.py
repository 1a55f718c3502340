"""Structural similarity."""

from __future__ import annotations

import math

import torch

from maskreel.common.metrics._checks import check_images, unit_range, wide_dtype
from maskreel.common.metrics._pooled import PooledScore


def ssim(
    a: torch.Tensor,
    b: torch.Tensor,
    *,
    mask: torch.Tensor | None = None,
    window: int = 11,
    sigma: float | None = 1.5,
) -> torch.Tensor:
    """Mean structural similarity of each image (Wang et al., "Image Quality Assessment: From Error Visibility to
    Structural Similarity", IEEE TIP 2004), the mean of its three channels.

    With the defaults this is the SSIM of the paper. The tables of video inpainting papers use `window=65, sigma=None`.

    Without a mask the mean leaves out the pixels whose window crosses the frame's edge. With a mask it is the mean of
    the SSIM map over the mask, and at the edge windows see the image mirrored.

    Args:
        a: uint8 (0 to 255) or float (0 to 1), (..., 3, H, W).
        b: the same shape and dtype.
        mask: bool, broadcasts to (..., H, W); only its pixels count.
        window: side of the window in pixels, odd, at least 3.
        sigma: standard deviation of the Gaussian window in pixels; None for a flat window with sample covariances
            (divided by n - 1).

    Returns:
        float64 (...) (float32 on MPS), at most 1; nan where the mask has no pixel.

    Raises:
        ValueError: besides wrong shapes, an image smaller than the window.
    """
    totals, counts = _similarity(a, b, mask, window, sigma)
    return totals / counts  # 0 / 0 is nan


class SSIM(PooledScore):
    """SSIM of a video or data set in chunks: `update` often, `compute` once.

    `compute` is the mean of the SSIM maps over all pixels counted, `frame_mean` the mean of the SSIM of the frames that
    have a pixel to count. The two differ with masks or frames of several sizes only.
    """

    def update(
        self,
        a: torch.Tensor,
        b: torch.Tensor,
        *,
        mask: torch.Tensor | None = None,
        window: int = 11,
        sigma: float | None = 1.5,
    ) -> None:
        """Count frames; the inputs of `ssim`."""
        self._add(*_similarity(a, b, mask, window, sigma))

    def _score(self, mean: torch.Tensor) -> torch.Tensor:
        return mean


def _similarity(
    a: torch.Tensor, b: torch.Tensor, mask: torch.Tensor | None, window: int, sigma: float | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """The sum of the SSIM map over pixels and channels and the number of values that it has, both (...)."""
    check_images(a, b, mask)
    _check_window(window, sigma, a.shape[-2:])
    leading, plane = a.shape[:-3], a.shape[-2:]
    masks = [None] * leading.numel() if mask is None else mask.expand(*leading, *plane).reshape(-1, *plane)
    # one image at a time: the maps of a whole chunk of video would need ten times its memory
    images = zip(a.reshape(-1, 3, *plane), b.reshape(-1, 3, *plane), masks, strict=True)
    sums = torch.stack([_image_sums(x, y, m, window, sigma) for x, y, m in images])
    return sums[:, 0].reshape(leading), sums[:, 1].reshape(leading)


def _image_sums(
    a: torch.Tensor, b: torch.Tensor, mask: torch.Tensor | None, window: int, sigma: float | None
) -> torch.Tensor:
    """Sum and count of the SSIM values of one image, (2,)."""
    a, b = unit_range(a), unit_range(b)
    if mask is not None:
        a, b = _mirror(a, window // 2), _mirror(b, window // 2)
    values = _similarity_map(a, b, window, sigma)
    if mask is not None:
        values = values.where(mask, 0)
    counted = values[0].numel() if mask is None else mask.sum()
    total = values.sum(dtype=wide_dtype(values.device))
    return torch.stack((total, 3 * torch.as_tensor(counted, dtype=total.dtype, device=total.device)))


def _similarity_map(a: torch.Tensor, b: torch.Tensor, window: int, sigma: float | None) -> torch.Tensor:
    """SSIM at every pixel whose window lies in the image, (3, H - window + 1, W - window + 1)."""
    luminance, structure = similarity_parts(a, b, window, sigma)
    return luminance * structure


def similarity_parts(
    a: torch.Tensor, b: torch.Tensor, window: int, sigma: float | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """The two factors of the SSIM at every pixel whose window lies in the image: luminance, and contrast with
    structure; for floats (..., H, W) in [0, 1], (..., H - window + 1, W - window + 1) each.
    """
    c1, c2 = 0.01**2, 0.03**2  # K1 and K2 of the paper, for a data range of 1
    weights = _weights(window, sigma)
    unbiased = window**2 / (window**2 - 1) if sigma is None else 1.0
    # around 0 the squares are small, so that less is lost in the differences below; covariances do not notice
    x, y = a - 0.5, b - 0.5
    moments = _blur(torch.stack((x, y, x * x, y * y, x * y)), weights)
    mean_x, mean_y, xx, yy, xy = moments
    variances = unbiased * (xx - mean_x * mean_x + yy - mean_y * mean_y)
    covariance = unbiased * (xy - mean_x * mean_y)
    mean_a, mean_b = mean_x + 0.5, mean_y + 0.5
    luminance = (2 * mean_a * mean_b + c1) / (mean_a * mean_a + mean_b * mean_b + c1)
    return luminance, (2 * covariance + c2) / (variances + c2)


def _weights(window: int, sigma: float | None) -> list[float]:
    """One axis of the window; the weights add up to 1."""
    spread = float("inf") if sigma is None else sigma
    weights = [math.exp(-0.5 * ((i - window // 2) / spread) ** 2) for i in range(window)]
    return [weight / sum(weights) for weight in weights]


def _blur(images: torch.Tensor, weights: list[float]) -> torch.Tensor:
    """Weighted mean over the window around each pixel, without padding; on a CPU faster than a convolution."""
    for axis in (-2, -1):
        length = images.shape[axis] - len(weights) + 1
        blurred = images.narrow(axis, 0, length) * weights[0]
        for start, weight in enumerate(weights[1:], start=1):
            blurred.add_(images.narrow(axis, start, length), alpha=weight)
        images = blurred
    return images


def _mirror(image: torch.Tensor, margin: int) -> torch.Tensor:
    """Continue (3, H, W) beyond its edges as a mirror image that repeats the edge pixels."""
    for axis in (-2, -1):
        flipped = image.flip(axis)
        length = image.shape[axis]
        image = torch.cat((flipped.narrow(axis, length - margin, margin), image, flipped.narrow(axis, 0, margin)), axis)
    return image


def _check_window(window: int, sigma: float | None, plane: torch.Size) -> None:
    if window < 3 or window % 2 == 0:
        raise ValueError(f"window must be odd and at least 3, got {window}")
    if sigma is not None and not sigma > 0:
        raise ValueError(f"sigma must be above 0, or None, got {sigma}")
    if min(plane) < window:
        raise ValueError(f"images must be at least as large as the window of {window}, got {plane[0]}x{plane[1]}")
