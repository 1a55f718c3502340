"""What perceptual losses share, the pyramid, and the loss without weights, against their definitions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from maskreel.common.perceptual import FeatureLoss, PyramidLoss, SmoothShrink

if TYPE_CHECKING:
    from torch import Tensor


class Sums(FeatureLoss):
    """Sums of rows and of columns."""

    weights = (1.0, 10.0)

    def features(self, images: Tensor) -> list[Tensor]:
        return [images.sum(-1), images.sum(-2)]


def pictures(count: int = 2, size: tuple[int, int] = (24, 40), seed: int = 0) -> Tensor:
    return torch.rand(count, 3, *size, generator=torch.Generator().manual_seed(seed))


def blurred_then_dropped(images: Tensor, factor: int) -> Tensor:
    """As published: a square Gaussian kernel over every pixel, of which most are dropped then."""
    if factor == 1:
        return images
    sigma = (factor - 1) / 2
    side = 2 * round(4 * sigma) + 1
    across = torch.arange(side, dtype=images.dtype) - (side - 1) / 2
    kernel = torch.exp(-(across[:, None] ** 2 + across[None, :] ** 2) / (2 * sigma**2))
    kernel = (kernel / kernel.sum()).expand(3, 1, -1, -1)
    return F.conv2d(F.pad(images, (side // 2,) * 4), kernel, groups=3)[:, :, ::factor, ::factor]


def test_the_sum_of_weighted_means_by_hand() -> None:
    images, target = torch.zeros(1, 3, 2, 2), torch.zeros(1, 3, 2, 2)
    images[0, 0] = torch.tensor([[1.0, -1.0], [0.5, 0.0]])
    # Rows of the first channel add up to 0 and 0.5, columns to 1.5 and -1; six sums of each kind.
    expected = 0.5 / 6 + 10 * 2.5 / 6
    loss = Sums()
    assert loss(images, loss.target(target)).item() == pytest.approx(expected)


@pytest.mark.parametrize("loss", [Sums(), PyramidLoss()], ids=["sums", "pyramid"])
def test_each_in_one_pass_equals_one_after_the_other(loss: FeatureLoss) -> None:
    batches = [pictures(seed=seed) for seed in (1, 2, 3)]
    target = loss.target(pictures(seed=4))
    together = torch.stack(loss.each(batches, target))
    alone = torch.stack([loss(images, target) for images in batches])
    torch.testing.assert_close(together, alone)
    assert len(set(together.tolist())) == 3


def test_gradients_reach_pictures_and_not_targets() -> None:
    loss = PyramidLoss()
    images, true = pictures(seed=1).requires_grad_(), pictures(seed=2).requires_grad_()
    target = loss.target(true)
    loss(images, target).backward()
    assert not any(feature.requires_grad for feature in target)
    assert true.grad is None
    assert images.grad is not None
    assert images.grad.norm() > 0


def test_weights_and_features_must_be_as_many() -> None:
    loss = Sums()
    loss.weights = (1.0,)
    with pytest.raises(ValueError, match="zip"):
        loss(pictures(), loss.target(pictures()))


def test_differences_of_half_precision_features_are_taken_in_single() -> None:
    """In half precision the mean of these could not be told from 0.1."""

    class Halves(Sums):
        weights = (1.0,)

        def features(self, images: Tensor) -> list[Tensor]:
            return [images.to(torch.bfloat16)]

    loss = Halves()
    value = loss(torch.full((1, 3, 64, 64), 1.0), loss.target(torch.full((1, 3, 64, 64), 0.0004)))
    assert value.dtype == torch.float32
    assert value.item() == pytest.approx(0.9996, abs=5e-6)


@pytest.mark.parametrize("factor", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("size", [(24, 40), (33, 17)])
def test_smooth_shrink_is_the_published_blur_and_drop(factor: int, size: tuple[int, int]) -> None:
    images = pictures(size=size)
    shrunk = SmoothShrink(factor)(images)
    assert shrunk.shape == (2, 3, -(-size[0] // factor), -(-size[1] // factor))
    torch.testing.assert_close(shrunk, blurred_then_dropped(images, factor), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("factor", "width"), [(1, 1), (2, 5), (4, 13), (8, 29)])
def test_the_gaussian_is_as_wide_as_published(factor: int, width: int) -> None:
    line = SmoothShrink(factor).line
    assert len(line) == width
    assert line.sum().item() == pytest.approx(1)


def test_smooth_shrink_has_the_gradient_of_the_published_one() -> None:
    gradients = []
    for shrink in (SmoothShrink(4), lambda images: blurred_then_dropped(images, 4)):
        images = pictures().requires_grad_()
        shrink(images).square().sum().backward()
        gradients.append(images.grad)
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-4, atol=1e-6)


def test_smooth_shrink_takes_doubles_and_leaves_no_trace_in_a_state() -> None:
    shrink = SmoothShrink(2)
    assert shrink(pictures().double()).dtype == torch.float64
    assert shrink.state_dict() == {}


def test_a_factor_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="factor must be 1 or more, got 0"):
        SmoothShrink(0)


def test_the_pyramid_loss_by_its_definition() -> None:
    images, true = pictures(seed=1), pictures(seed=2)
    expected = 0.0
    for factor in (1, 2, 4):
        one, other = (blurred_then_dropped(part, factor).numpy() for part in (images, true))
        expected += 3.0 * np.abs(one - other).mean()
        for axis in (-1, -2):
            expected += 5.0 * np.abs(np.diff(one, axis=axis) - np.diff(other, axis=axis)).mean()
    loss = PyramidLoss((1, 2, 4), weight=3.0, gradient=5.0)
    assert loss(images, loss.target(true)).item() == pytest.approx(expected, rel=1e-5)


def test_the_pyramid_loss_of_one_picture_with_itself_is_nothing() -> None:
    loss = PyramidLoss()
    assert loss(pictures(), loss.target(pictures())).item() == 0
