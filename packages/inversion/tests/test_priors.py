"""The priors against hand-computed values, plain autograd, and how they grow with batch and size."""

from __future__ import annotations

import math

import pytest
import torch

from maskreel.inversion.priors import (
    l2_norm,
    published_l2_norm,
    published_tv_l1,
    published_tv_l2,
    tv_l1,
    tv_l2,
)

PRIORS = (tv_l1, tv_l2, l2_norm)
PUBLISHED = (published_tv_l1, published_tv_l2, published_l2_norm)


def ramp(height: int, width: int, *, down: float = 0.02, right: float = 0.01) -> torch.Tensor:
    rows, columns = torch.arange(height)[:, None], torch.arange(width)
    return (down * rows + right * columns).double().expand(1, 3, height, width)


def plain_tv(images: torch.Tensor, power: int) -> torch.Tensor:
    """Every pair of neighbours one by one, in the order of the definition."""
    height, width = images.shape[-2:]
    total = images.new_zeros(len(images))
    for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
        columns = range(max(0, -right), width - max(0, right))
        pairs = [images[:, :, y, x] - images[:, :, y + down, x + right] for y in range(height - down) for x in columns]
        total = total + torch.stack(pairs).abs().pow(power).mean(dim=(0, 2)).pow(1 / power)
    return total


def test_values_of_a_two_by_two_image() -> None:
    # differences: 1, 1 along rows; 2, 2 along columns; 3 and 1 along the diagonals
    images = torch.tensor([[[[0.0, 1.0], [2.0, 3.0]]]])
    assert tv_l1(images).tolist() == pytest.approx([1 + 2 + 3 + 1])
    assert tv_l2(images).tolist() == pytest.approx([1 + 2 + 3 + 1])
    assert published_tv_l1(images).item() == pytest.approx(7)
    assert published_tv_l2(images).item() == pytest.approx(2**0.5 + 8**0.5 + 3 + 1)
    assert published_l2_norm(images).item() == pytest.approx(14**0.5)
    assert l2_norm(images, centre=0.0).tolist() == pytest.approx([(14 / 4) ** 0.5])


@pytest.mark.parametrize(("prior", "power"), [(tv_l1, 1), (tv_l2, 2)])
def test_value_and_slope_equal_those_of_autograd_over_all_pairs(prior, power: int) -> None:
    images = torch.rand(2, 3, 5, 6, dtype=torch.float64, requires_grad=True)
    weights = torch.tensor([0.3, -2.0], dtype=torch.float64)
    expected = plain_tv(images, power)
    torch.testing.assert_close(prior(images), expected)
    (slope,) = torch.autograd.grad((prior(images) * weights).sum(), images)
    (expected_slope,) = torch.autograd.grad((expected * weights).sum(), images)
    torch.testing.assert_close(slope, expected_slope)


@pytest.mark.parametrize("prior", [*PRIORS, *PUBLISHED])
def test_gradients_are_right(prior) -> None:
    images = torch.rand(2, 3, 4, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(prior, (images,))


@pytest.mark.parametrize("prior", PRIORS)
def test_an_image_has_the_same_value_and_slope_in_every_batch(prior) -> None:
    images = torch.rand(3, 3, 7, 9, requires_grad=True)
    together = prior(images)
    alone = torch.cat([prior(image[None]) for image in images])
    torch.testing.assert_close(together, alone)
    (of_all,) = torch.autograd.grad(together.sum(), images)
    single = images[1:2].detach().requires_grad_()
    (of_one,) = torch.autograd.grad(prior(single).sum(), single)
    torch.testing.assert_close(of_all[1:2], of_one)


def test_a_slope_has_the_same_variation_at_every_size() -> None:
    expected = 0.01 + 0.02 + 0.03 + 0.01
    for size in ((3, 4), (31, 17), (120, 214)):
        assert tv_l1(ramp(*size)).item() == pytest.approx(expected)
        assert tv_l2(ramp(*size)).item() == pytest.approx(expected)


@pytest.mark.parametrize("prior", PRIORS)
def test_noise_has_the_same_value_at_every_size(prior) -> None:
    small, large = prior(torch.rand(8, 3, 32, 32)).mean(), prior(torch.rand(8, 3, 128, 128)).mean()
    assert small.item() == pytest.approx(large.item(), rel=0.02)


def test_the_published_l2_variation_grows_with_the_roots_of_batch_and_pixels() -> None:
    noise = torch.rand(8, 3, 64, 64)
    assert (published_tv_l2(noise) / published_tv_l2(noise[:2])).item() == pytest.approx(2, rel=0.02)
    assert (published_tv_l2(torch.rand(8, 3, 192, 192)) / published_tv_l2(noise)).item() == pytest.approx(3, rel=0.03)


def test_the_published_l2_norm_grows_with_the_root_of_the_pixels_only() -> None:
    image = torch.rand(1, 3, 16, 16)
    once = published_l2_norm(image)
    assert published_l2_norm(image.repeat(5, 1, 1, 1)).item() == pytest.approx(once.item())
    assert published_l2_norm(image.repeat(1, 1, 3, 3)).item() == pytest.approx(3 * once.item())


def test_the_published_l1_variation_is_the_mean_of_ours() -> None:
    images = torch.rand(4, 3, 9, 8)
    assert published_tv_l1(images).item() == pytest.approx(tv_l1(images).mean().item())


def test_the_published_norms_are_ours_times_the_roots_of_the_counts() -> None:
    images = torch.rand(1, 3, 2, 2)
    counts = [(difference, n) for difference, n in zip(_four_norms(images), (6, 6, 3, 3), strict=True)]
    assert tv_l2(images).item() == pytest.approx(sum(norm / n**0.5 for norm, n in counts))
    assert published_tv_l2(images).item() == pytest.approx(sum(norm for norm, _ in counts), rel=1e-5)


def _four_norms(images: torch.Tensor) -> list[float]:
    (a, b), (c, d) = images[0].permute(1, 2, 0)
    pairs = ([a - b, c - d], [a - c, b - d], [a - d], [b - c])
    return [math.sqrt(sum(float((pair**2).sum()) for pair in group)) for group in pairs]


@pytest.mark.parametrize("prior", PRIORS)
def test_a_flat_image_has_no_value_and_a_slope_that_is_a_number(prior) -> None:
    images = torch.full((2, 3, 6, 6), 0.5, requires_grad=True)
    value = prior(images)
    (slope,) = torch.autograd.grad(value.sum(), images)
    assert value.tolist() == [0, 0]
    assert not slope.any()


def test_the_norm_pulls_to_grey_not_to_black() -> None:
    images = torch.tensor([0.2, 0.9]).view(2, 1, 1, 1).expand(2, 3, 4, 4).clone().requires_grad_()
    (slope,) = torch.autograd.grad(l2_norm(images).sum(), images)
    assert (slope[0] < 0).all()
    assert (slope[1] > 0).all()


@pytest.mark.parametrize("prior", [*PRIORS, *PUBLISHED])
def test_refuses_what_has_no_neighbours_or_is_not_an_image(prior) -> None:
    with pytest.raises(ValueError, match=r"2 pixels or more high and wide, got \(1, 3, 1, 8\)"):
        prior(torch.rand(1, 3, 1, 8))
    with pytest.raises(ValueError, match=r"images must be \(B, C, H, W\)"):
        prior(torch.rand(3, 8, 8))
    with pytest.raises(TypeError, match=r"images must be floating point, got torch\.uint8"):
        prior(torch.zeros(1, 3, 8, 8, dtype=torch.uint8))


@pytest.mark.parametrize("prior", [*PRIORS, *PUBLISHED])
def test_leaves_the_images_as_they_are(prior) -> None:
    images = torch.rand(1, 3, 6, 6, requires_grad=True)
    before = images.detach().clone()
    prior(images).sum().backward()
    assert torch.equal(images.detach(), before)
