"""P_train and P_test against their definitions, pixel by pixel, with the same draws."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from maskreel.animate.perturb import perturb_for_inference, perturb_for_training

TH = 60 / 255


def blobs(count: int, height: int = 64, width: int = 64) -> Tensor:
    return F.interpolate(torch.rand(count, 1, height // 8, width // 8), size=(height, width), mode="bicubic").clamp(
        0, 1
    )


def line_scaled(line: np.ndarray, scale: float) -> np.ndarray:
    """One row about its centre (length - 1) / 2, linearly, zeros outside."""
    middle, made = (len(line) - 1) / 2, np.zeros_like(line)
    for place in range(len(line)):
        at = (place - middle) / scale + middle
        left = int(np.floor(at))
        for tap in (left, left + 1):
            if 0 <= tap < len(line):
                made[place] += line[tap] * (1 - abs(at - tap))
    return made


def picture_scaled(picture: np.ndarray, cuts: list[int], scales: list[float]) -> np.ndarray:
    """Upright strips between the cuts, each by its own scale."""
    made = picture.copy()
    for first, last, scale in zip([0, *cuts], [*cuts, picture.shape[1]], scales, strict=True):
        for row in range(len(picture)):
            made[row, first:last] = line_scaled(picture[row, first:last], scale)
    return made


def defined(masks: Tensor, threshold: float, generator: torch.Generator) -> Tensor:
    """The draws in the order of the implementation; everything else as the description says."""
    pictures = [np.round(mask[0].double().numpy() * 255) / 255 for mask in masks]
    count = len(pictures)
    for upright in (True, False):
        turned = [picture if upright else picture.T for picture in pictures]
        length = turned[0].shape[1]
        first, last = round(length * 15 / 64), round(length * 45 / 64)
        cuts = sorted((first + torch.randperm(last - first + 1, generator=generator)[:5]).tolist())
        assert len(set(cuts)) == 5
        strips = (0.75 + 0.5 * torch.rand((count, 6), generator=generator)).tolist()
        whole = (0.75 + 0.5 * torch.rand((count, 1), generator=generator)).tolist()
        turned = [picture_scaled(*given) for given in zip(turned, [cuts] * count, strips, strict=True)]
        turned = [picture_scaled(one.T, [], scale).T for one, scale in zip(turned, whole, strict=True)]
        pictures = [one if upright else one.T for one in turned]
    stretched = torch.from_numpy(np.stack(pictures))[:, None]
    levels = torch.where(stretched > threshold, stretched, 0) * 255
    noise = torch.poisson(torch.full(masks.shape, 20.0), generator)
    sign = torch.randint(0, 2, masks.shape, generator=generator) * 2 - 1
    return (levels + noise * sign).clamp(0, 255) / 255


def seeded(number: int = 3) -> torch.Generator:
    return torch.Generator().manual_seed(number)


@pytest.mark.parametrize("shape", [(64, 64), (64, 96)])
def test_training_as_defined(shape: tuple[int, int]) -> None:
    masks = blobs(2, *shape)
    found, expected = perturb_for_training(masks, generator=seeded()), defined(masks, TH, seeded())
    off = (found - expected).abs() > 1e-4  # a value at the threshold may fall to either side
    assert off.float().mean() < 1e-3
    assert found.dtype == torch.float32
    assert (found - masks).abs().mean() > 0.05


def test_strips_as_cv2_warps_them() -> None:
    """A strip scaled by itself is an affine warp of it: cv2 with a linear filter and a border of zeros."""
    rng = np.random.default_rng(0)
    strip, scale = rng.random((5, 23), dtype=np.float32), 0.83
    middle = (strip.shape[1] - 1) / 2
    matrix = np.array([[scale, 0, middle * (1 - scale)], [0, 1, 0]])
    warped = cv2.warpAffine(strip, matrix, (strip.shape[1], len(strip)), flags=cv2.INTER_LINEAR, borderValue=0)
    expected = picture_scaled(strip.astype(float), [], [scale])
    assert np.abs(warped - expected).max() < 0.02  # cv2 rounds places to 1/32 of a pixel


@pytest.mark.parametrize("threshold", [60 / 255, 100 / 255])
def test_inference_is_a_smaller_picture_with_a_margin(threshold: float) -> None:
    masks = blobs(3)
    levels = (masks * 255).round()
    kept = torch.where(levels > round(threshold * 255), levels, 0) / 255
    small = F.interpolate(kept, size=(48, 48), mode="bilinear", align_corners=False)
    torch.testing.assert_close(
        perturb_for_inference(masks, threshold=threshold), F.pad(small, (8, 8, 8, 8)), atol=1e-5, rtol=0
    )


def test_threshold_itself_is_removed() -> None:
    masks = torch.tensor([59.0, 60.0, 61.0]).div(255).view(3, 1, 1, 1).expand(3, 1, 64, 64)
    centre = perturb_for_inference(masks)[:, 0, 32, 32]
    torch.testing.assert_close(centre, torch.tensor([0, 0, 61 / 255]))
    noise = perturb_for_training(masks, generator=seeded())[:, 0, 32, 32] * 255
    assert noise[0] < 60
    many = perturb_for_training(masks[1:2].expand(64, 1, 64, 64), generator=seeded())
    assert many.mean() * 255 < 12, "only noise is left, of which half is cut off at 0"


def test_noise() -> None:
    """Poisson(20), mean and variance 20, of either sign: on black half of it is cut off."""
    levels = perturb_for_training(torch.zeros(16, 1, 64, 64), generator=seeded()) * 255
    assert (levels == 0).float().mean().item() == pytest.approx(0.5, abs=0.01)
    shown = levels[levels > 0]
    assert shown.mean().item() == pytest.approx(20, abs=0.2)
    assert shown.var().item() == pytest.approx(20, abs=1)
    torch.testing.assert_close(shown, shown.round(), atol=1e-3, rtol=0)


def test_seeds_and_range() -> None:
    masks = blobs(2)
    first = perturb_for_training(masks, generator=seeded())
    assert torch.equal(first, perturb_for_training(masks, generator=seeded()))
    assert not torch.equal(first, perturb_for_training(masks, generator=seeded(4)))
    torch.manual_seed(5)
    by_default = perturb_for_training(masks)
    torch.manual_seed(5)
    assert torch.equal(by_default, perturb_for_training(masks))
    assert not torch.equal(by_default, perturb_for_training(masks))
    for made in (first, perturb_for_inference(masks)):
        assert made.min() >= 0
        assert made.max() <= 1


def test_no_gradient_and_no_change_of_the_input() -> None:
    masks = blobs(1).requires_grad_()
    before = masks.detach().clone()
    assert not perturb_for_training(masks).requires_grad
    assert not perturb_for_inference(masks).requires_grad
    assert torch.equal(masks, before)


@pytest.mark.parametrize("size", [8, 16, 32])
def test_small_masks(size: int) -> None:
    """Cuts stay in the middle half; five are distinct as soon as there is room."""
    assert perturb_for_training(torch.ones(2, 1, size, size), generator=seeded()).shape == (2, 1, size, size)
    bright = perturb_for_inference(torch.ones(1, 1, size, size))[0, 0]
    assert bright[size // 2, size // 2] == 1
    assert bright.sum().item() == pytest.approx((0.75 * size) ** 2, rel=1e-3)


@pytest.mark.parametrize("shape", [(64, 64), (2, 64, 64), (2, 3, 64, 64)])
def test_wrong_shapes(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"masks must have the shape \(N, 1, h, w\), got"):
        perturb_for_training(torch.zeros(shape))
    with pytest.raises(ValueError, match=r"masks must have the shape \(N, 1, h, w\), got"):
        perturb_for_inference(torch.zeros(shape))


def test_no_strength_only_removes_what_is_faint() -> None:
    masks = blobs(2)
    levels = (masks * 255).round()
    kept = torch.where(levels > 60, levels / 255, 0)
    for made in (perturb_for_inference(masks, strength=0.0), perturb_for_training(masks, strength=0.0)):
        torch.testing.assert_close(made, kept, rtol=0, atol=1e-6)


def test_strength_is_that_of_scales_and_noise() -> None:
    bar = torch.zeros(1, 1, 64, 64)
    bar[..., 16:48, 16:48] = 1
    areas = [perturb_for_inference(bar, strength=strength).sum().item() / 32**2 for strength in (0.5, 1.0, 2.0)]
    assert areas == pytest.approx([0.875**2, 0.75**2, 0.5**2], rel=1e-2)
    for strength in (0.5, 1.0, 2.0):
        draws = torch.Generator().manual_seed(0)
        noise = perturb_for_training(torch.zeros(4, 1, 64, 64), strength=strength, generator=draws)
        assert noise[noise > 0].mean() * 255 == pytest.approx(20 * strength, rel=0.05)


@pytest.mark.parametrize("strength", [-0.1, 4.0, float("nan")])
def test_strengths_that_make_no_sense_are_refused(strength: float) -> None:
    for perturb in (perturb_for_inference, perturb_for_training):
        with pytest.raises(ValueError, match="strength must be at least 0 and below 4"):
            perturb(blobs(1), strength=strength)
