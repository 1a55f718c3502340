"""PSNR and SSIM against scikit-image, whole frames and holes, and their sums over a video."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
import torch

from maskreel.common.metrics import PSNR, SSIM, psnr, ssim

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np


def textured(*shape: int) -> torch.Tensor:
    """Random frames with detail at several scales, uint8."""
    frames = 60 * torch.rand(shape) + 150 * torch.sin(torch.arange(shape[-1]) / 9).abs()
    frames[..., : shape[-2] // 3, :] = 250  # a flat bright part, where float32 SSIM is weakest
    return frames.clamp(0, 255).to(torch.uint8)


def noisy(frames: torch.Tensor, strength: float = 20) -> torch.Tensor:
    return (frames + strength * torch.randn(frames.shape)).clamp(0, 255).to(torch.uint8)


def as_numpy(image: torch.Tensor) -> np.ndarray:
    return image.permute(1, 2, 0).cpu().numpy()


def skimage_ssim(a: torch.Tensor, b: torch.Tensor, **options: Any) -> tuple[float, np.ndarray]:
    """Mean and map (H, W, 3) of scikit-image's SSIM of uint8 images."""
    from skimage.metrics import structural_similarity

    options = options or {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    score: Any = structural_similarity(as_numpy(a), as_numpy(b), data_range=255, channel_axis=-1, full=True, **options)
    return score


def hole(size: tuple[int, int]) -> torch.Tensor:
    """A hole that touches the right edge of the frame."""
    mask = torch.zeros(size, dtype=torch.bool)
    mask[size[0] // 4 : size[0] // 2, size[1] // 2 :] = True
    return mask


def test_psnr_agrees_with_scikit_image(device: str) -> None:
    from skimage.metrics import peak_signal_noise_ratio

    a = textured(4, 3, 33, 47)
    b = noisy(a)
    expected = [peak_signal_noise_ratio(x.numpy(), y.numpy(), data_range=255) for x, y in zip(a, b, strict=True)]
    scores = psnr(a.to(device), b.to(device))
    assert scores.device.type == device
    assert scores.tolist() == pytest.approx(expected, abs=1e-9)
    in_floats = psnr(a.to(device) / 255, b.to(device) / 255)
    assert in_floats.tolist() == pytest.approx(expected, abs=1e-4)


def test_psnr_by_hand() -> None:
    a = torch.zeros(3, 2, 2)
    assert float(psnr(a, a + 0.1)) == pytest.approx(20.0, abs=1e-6)
    assert float(psnr(a, a + 1)) == 0.0
    assert float(psnr(a, a)) == math.inf
    one_level = torch.ones(3, 2, 2, dtype=torch.uint8)
    assert float(psnr(one_level, 0 * one_level)) == pytest.approx(20 * math.log10(255))


def test_uint8_does_not_wrap() -> None:
    black, white = torch.zeros(3, 4, 4, dtype=torch.uint8), torch.full((3, 4, 4), 255, dtype=torch.uint8)
    assert float(psnr(black, white)) == pytest.approx(0.0, abs=1e-12)


def test_psnr_of_a_hole(device: str) -> None:
    a = textured(3, 20, 30).to(device)
    b, mask = a.clone(), hole((20, 30)).to(device)
    b[:, ~mask] = 255 - b[:, ~mask]
    assert float(psnr(a, b, mask=mask)) == math.inf
    b[:, mask] = (a[:, mask].float() * 0.9).to(torch.uint8)
    error = (a[:, mask].double() - b[:, mask].double()).square().mean()
    assert float(psnr(a, b, mask=mask)) == pytest.approx(float(10 * torch.log10(255**2 / error)))


def test_broken_pixels_outside_the_hole_do_not_spread() -> None:
    a, mask = torch.rand(3, 16, 16), hole((16, 16))
    b = a.clone()
    b[:, ~mask] = torch.nan
    assert float(psnr(a, b, mask=mask)) == math.inf


def test_empty_hole_has_no_value() -> None:
    a = textured(2, 3, 16, 16)
    masks = torch.stack((hole((16, 16)), torch.zeros(16, 16, dtype=torch.bool)))
    for score in (psnr, ssim):
        values = score(a, noisy(a), mask=masks)
        assert values.isnan().tolist() == [False, True]


@pytest.mark.parametrize("strength", [2, 20, 120])
def test_ssim_agrees_with_scikit_image(device: str, strength: float) -> None:
    a = textured(2, 3, 41, 53)
    b = noisy(a, strength)
    expected = [skimage_ssim(x, y)[0] for x, y in zip(a, b, strict=True)]
    scores = ssim(a.to(device), b.to(device))
    assert scores.device.type == device
    assert scores.tolist() == pytest.approx(expected, abs=1e-5)
    assert ssim(a.to(device) / 255, b.to(device) / 255).tolist() == pytest.approx(expected, abs=1e-5)


def test_ssim_in_double_is_scikit_image_to_the_last_digits() -> None:
    a = textured(3, 30, 30)
    b = noisy(a)
    assert float(ssim(a.double() / 255, b.double() / 255)) == pytest.approx(skimage_ssim(a, b)[0], abs=1e-12)


def test_ssim_of_a_hole_is_the_mean_of_the_map_there(device: str) -> None:
    a = textured(3, 41, 53)
    b, mask = noisy(a), hole((41, 53))
    expected = skimage_ssim(a, b)[1][mask.numpy()].mean()
    score = ssim(a.to(device), b.to(device), mask=mask.to(device))
    assert float(score) == pytest.approx(expected, abs=1e-5)


def test_ssim_with_the_window_of_the_inpainting_benchmarks() -> None:
    a = textured(3, 80, 90)
    b = noisy(a)
    expected, values = skimage_ssim(a, b, win_size=65)
    assert float(ssim(a, b, window=65, sigma=None)) == pytest.approx(expected, abs=1e-5)
    mask = hole((80, 90))
    score = ssim(a, b, mask=mask, window=65, sigma=None)
    assert float(score) == pytest.approx(values[mask.numpy()].mean(), abs=1e-5)


def test_ssim_of_equal_images_is_one() -> None:
    a = textured(3, 24, 24)
    assert float(ssim(a, a)) == pytest.approx(1.0, abs=1e-6)


def test_ssim_has_gradients() -> None:
    a = torch.rand(3, 5, 6, dtype=torch.float64, requires_grad=True)
    b, mask = torch.rand(3, 5, 6, dtype=torch.float64), hole((5, 6))
    assert torch.autograd.gradcheck(lambda x: ssim(x, b, window=3), (a,))
    assert torch.autograd.gradcheck(lambda x: ssim(x, b, mask=mask, window=3), (a,))


def test_leading_dimensions() -> None:
    a = textured(2, 4, 3, 16, 18)
    b, mask = noisy(a), hole((16, 18))
    for score in (psnr, ssim):
        values = score(a, b, mask=mask)
        assert values.shape == (2, 4)
        torch.testing.assert_close(values[1, 2], score(a[1, 2], b[1, 2], mask=mask))
        assert score(a[0, 0], b[0, 0]).shape == ()


@pytest.mark.parametrize("metric", [PSNR, SSIM])
def test_chunks_and_merge_agree_with_the_whole(metric: type[Any]) -> None:
    a = textured(6, 3, 20, 24)
    b, masks = noisy(a), torch.rand(6, 20, 24) > 0.7
    whole, part, other = metric(), metric(), metric()
    whole.update(a, b, mask=masks)
    part.update(a[:1], b[:1], mask=masks[:1])
    other.update(a[1:4], b[1:4], mask=masks[1:4])
    other.update(a[4:], b[4:], mask=masks[4:])
    part.merge(other)
    assert part.frames == whole.frames == 6
    assert part.compute() == pytest.approx(whole.compute(), abs=1e-12)
    assert part.frame_mean() == pytest.approx(whole.frame_mean(), abs=1e-12)


def test_psnr_of_a_video_pools_the_squared_error() -> None:
    a = torch.zeros(2, 3, 10, 10)
    b, masks = a.clone(), torch.zeros(2, 10, 10, dtype=torch.bool)
    b[0], b[1] = 0.1, 0.01
    masks[0, :1], masks[1, :9] = True, True  # 10 pixels at 20 dB, 90 pixels at 40 dB
    metric = PSNR()
    metric.update(a, b, mask=masks)
    assert metric.frame_mean() == pytest.approx(30.0, abs=1e-5)
    assert metric.compute() == pytest.approx(-10 * math.log10(0.1 * 0.01 + 0.9 * 0.0001), abs=1e-5)


def test_ssim_of_a_video_pools_the_map() -> None:
    a = textured(2, 3, 20, 24)
    b, masks = noisy(a), torch.zeros(2, 20, 24, dtype=torch.bool)
    masks[0, :2], masks[1, 2:] = True, True
    metric = SSIM()
    metric.update(a, b, mask=masks)
    one, two = ssim(a, b, mask=masks).tolist()
    assert one != pytest.approx(two, abs=1e-3)
    assert metric.compute() == pytest.approx((2 * one + 18 * two) / 20)
    assert metric.frame_mean() == pytest.approx((one + two) / 2)


def test_frames_without_a_hole_do_not_count() -> None:
    a = textured(3, 3, 16, 16)
    b, masks = noisy(a), torch.zeros(3, 16, 16, dtype=torch.bool)
    masks[1] = hole((16, 16))
    for metric, score in ((PSNR(), psnr), (SSIM(), ssim)):
        with pytest.raises(ValueError, match="has counted no pixel"):
            metric.compute()
        metric.update(a[0], b[0], mask=masks[0])
        assert metric.frames == 0
        with pytest.raises(ValueError, match="has counted no pixel"):
            metric.frame_mean()
        metric.update(a, b, mask=masks)
        assert metric.frames == 1
        assert metric.compute() == pytest.approx(float(score(a[1], b[1], mask=masks[1])))


def test_perfect_frames_are_infinite() -> None:
    a = textured(2, 3, 12, 12)
    b = torch.stack((a[0], noisy(a[1])))
    metric = PSNR()
    metric.update(a, b)
    assert metric.frame_mean() == math.inf
    assert metric.compute() == pytest.approx(float(psnr(a[1], b[1])) + 10 * math.log10(2))


def test_reduce_alone_is_a_copy() -> None:
    a = textured(3, 16, 16)
    for metric in (PSNR(), SSIM()):
        metric.update(a, noisy(a))
        total = metric.reduce()
        assert total.compute() == metric.compute()
        total.update(a, noisy(a))
        assert (metric.frames, total.frames) == (1, 2)


@pytest.mark.parametrize("score", [psnr, ssim, PSNR().update, SSIM().update])
def test_guards(score: Callable[..., object]) -> None:
    a = torch.zeros(2, 3, 16, 16)
    with pytest.raises(ValueError, match=r"a and b must have one shape"):
        score(a, a[0])
    with pytest.raises(ValueError, match=r"a must have shape \(\.\.\., 3, H, W\) and no size 0, got \(2, 16, 16\)"):
        score(a[:, 0], a[:, 0])
    with pytest.raises(ValueError, match=r"no size 0, got \(0, 3, 16, 16\)"):
        score(a[:0], a[:0])
    with pytest.raises(TypeError, match=r"a and b must have one dtype, got torch.float32 and torch.uint8"):
        score(a, a.byte())
    with pytest.raises(TypeError, match=r"a must be uint8 .* got torch.int32"):
        score(a.int(), a.int())
    with pytest.raises(ValueError, match=r"mask must broadcast to \(2, 16, 16\), got shape \(3, 16, 16\)"):
        score(a, a, mask=torch.ones(3, 16, 16, dtype=torch.bool))
    with pytest.raises(TypeError, match=r"mask must be a torch.bool mask"):
        score(a, a, mask=a[:, 0])


def test_ssim_guards_its_window() -> None:
    a = torch.zeros(3, 16, 10)
    with pytest.raises(ValueError, match="at least as large as the window of 11, got 16x10"):
        ssim(a, a)
    for window in (4, 1):
        with pytest.raises(ValueError, match=f"window must be odd and at least 3, got {window}"):
            ssim(a, a, window=window)
    with pytest.raises(ValueError, match="sigma must be above 0, or None, got 0"):
        ssim(a, a, window=7, sigma=0)


def test_only_metrics_of_one_kind_merge() -> None:
    with pytest.raises(TypeError, match="other must be PSNR, got SSIM"):
        PSNR().merge(SSIM())  # pyright: ignore[reportArgumentType]
