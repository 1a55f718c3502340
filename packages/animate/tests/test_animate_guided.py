"""Guided models: what is known stands in the pictures, and networks correct them; and what another model hands on."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from maskreel.animate.fused import fused
from maskreel.animate.model import AnimationModel, ModelConfig
from maskreel.animate.training.start import pass_pictures_on, take_over
from maskreel.common.errors import InputError

PLAIN = ModelConfig(
    size=32, factor=2, depth=2, mask_width=4, refiner_width=4, low_width=8, low_blocks=1, high_width=4, widest=16
)
GUIDED = replace(PLAIN, guided=True)


def mask(left: int, right: int) -> torch.Tensor:
    """Full height, in a mask of 16x16."""
    made = torch.zeros(1, 1, 16, 16)
    made[..., left:right] = 1
    return made


def last_of_l(model: AnimationModel) -> torch.Tensor:
    """The weight of L's last convolution."""
    layer = model.low_resolution[-2]
    assert isinstance(layer, torch.nn.Conv2d)
    return layer.weight


@pytest.fixture
def model() -> AnimationModel:
    """Its H and BGRefine change nothing."""
    made = AnimationModel(GUIDED).eval()
    for network in (made.high_resolution, made.bg_refine):
        torch.nn.init.zeros_(network.head.weight)
        torch.nn.init.zeros_(network.head.bias)  # pyright: ignore[reportArgumentType]
    return made


@torch.no_grad()
def test_far_from_both_masks_the_source_stays_and_inside_them_stands_what_l_made(model: AnimationModel) -> None:
    image = torch.rand(1, 3, 32, 32)
    source = model.source(image, mask(2, 4))
    low, high = model.pictures(source, mask(5, 7))
    raw = model.low_resolution(source.small, source.mask, mask(5, 7))
    # Masks hold columns 4 to 14; they are widened by 4 pixels, and by 1 more where they are interpolated.
    torch.testing.assert_close(low[..., 19:], image[..., 19:])
    torch.testing.assert_close(low[..., 4:14], raw[..., 4:14])
    torch.testing.assert_close(high, low)


@torch.no_grad()
def test_a_swap_hands_on_foreground_and_background_and_asks_bgbase_for_the_hole(model: AnimationModel) -> None:
    person, place = torch.rand(2, 1, 3, 32, 32)
    base, swapped = model.swapped(person, mask(4, 8), place, mask(6, 12))
    torch.testing.assert_close(base[..., 8:16], person[..., 8:16])
    torch.testing.assert_close(base[..., :7], place[..., :7])
    torch.testing.assert_close(base[..., 25:], place[..., 25:])
    made = model.bg_base(
        mask(6, 12), mask(4, 8), model.shrink(person) * mask(4, 8), model.shrink(place) * (1 - mask(6, 12))
    )
    torch.testing.assert_close(base[..., 17:24], made[..., 17:24])
    torch.testing.assert_close(swapped, base)


def test_l_learns_only_where_something_changes() -> None:
    model = AnimationModel(GUIDED)
    source = model.source(torch.rand(1, 3, 32, 32), mask(2, 4))
    low, _ = model.pictures(source, mask(5, 7))
    (gradient,) = torch.autograd.grad(low[..., 19:].sum(), last_of_l(model), retain_graph=True)
    assert gradient.abs().max() == 0
    (gradient,) = torch.autograd.grad(low[..., 4:14].sum(), last_of_l(model))
    assert gradient.abs().max() > 0


@torch.no_grad()
def test_with_a_head_start_pictures_are_handed_on_nearly_as_they_are() -> None:
    image, nobody = torch.rand(1, 3, 32, 32), mask(0, 0)
    for config, allowed in ((GUIDED, 0.05), (PLAIN, 0.1)):
        model = AnimationModel(config).eval()
        before = (model.pictures(model.source(image, nobody), nobody)[1] - image).abs().mean()
        pass_pictures_on(model)
        after = (model.pictures(model.source(image, nobody), nobody)[1] - image).abs().mean()
        assert after < min(before, allowed)


@torch.no_grad()
def test_the_fused_graph_is_guided_too() -> None:
    model = AnimationModel(GUIDED).eval()
    image, driving = torch.rand(2, 3, 32, 32), mask(5, 9).expand(2, -1, -1, -1)
    quick = fused(model)
    for one, other in zip(
        model.pictures(model.source(image), driving), quick.pictures(quick.source(image), driving), strict=True
    ):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=0)


def test_networks_that_fit_are_taken_over() -> None:
    other = AnimationModel(PLAIN)
    same, guided, wider = (AnimationModel(config) for config in (PLAIN, GUIDED, replace(PLAIN, low_width=16)))
    high = guided.high_resolution.head.weight.clone()
    for model in (same, guided, wider):
        take_over(model, other, told="other.safetensors")
        assert torch.equal(model.mask_generator.head.weight, other.mask_generator.head.weight)
    assert torch.equal(same.high_resolution.head.weight, other.high_resolution.head.weight)
    assert torch.equal(guided.high_resolution.head.weight, high), "it has another purpose"
    assert torch.equal(last_of_l(guided), last_of_l(other))
    assert last_of_l(wider).shape != last_of_l(other).shape


@torch.no_grad()
def test_networks_with_skips_begin_as_those_without() -> None:
    other, skipping = AnimationModel(PLAIN).eval(), AnimationModel(replace(PLAIN, mask_skips=True)).eval()
    image, driving = torch.rand(2, 3, 32, 32), torch.rand(2, 1, 16, 16)
    take_over(skipping, other, told="other.safetensors")
    source = other.source(image)
    torch.testing.assert_close(skipping.masks(image), source.mask)
    torch.testing.assert_close(skipping.refined(source, driving), other.refined(source, driving))
    skipping.mask_refiner.head.weight[:, -1] = 1
    assert not torch.allclose(skipping.refined(source, driving), other.refined(source, driving))


@torch.no_grad()
def test_deeper_networks_begin_as_those_that_are_less_deep() -> None:
    shallow = replace(PLAIN, mask_skips=True)
    other, deep = AnimationModel(shallow).eval(), AnimationModel(replace(shallow, refiner_depth=4)).eval()
    image, driving = torch.rand(2, 3, 32, 32), torch.rand(2, 1, 16, 16)
    take_over(deep, other, told="other.safetensors")
    source = other.source(image)
    torch.testing.assert_close(deep.refined(source, driving), other.refined(source, driving))
    lowest = deep.mask_refiner.hourglass.decoder[2].get_submodule("1.0")
    assert isinstance(lowest, torch.nn.Conv2d)
    lowest.weight[:, :8] = 1
    assert not torch.allclose(deep.refined(source, driving), other.refined(source, driving))


def test_networks_that_are_less_deep_do_not_take_over_deeper_ones() -> None:
    shallow = AnimationModel(replace(PLAIN, mask_skips=True))
    deep = AnimationModel(replace(PLAIN, mask_skips=True, refiner_depth=3))
    before = shallow.mask_refiner.head.weight.clone()
    take_over(shallow, deep, told="other.safetensors")
    assert torch.equal(shallow.mask_refiner.head.weight, before)
    assert torch.equal(shallow.mask_generator.head.weight, deep.mask_generator.head.weight)


def test_networks_without_skips_do_not_take_over_those_with() -> None:
    plain, skipping = AnimationModel(PLAIN), AnimationModel(replace(PLAIN, mask_skips=True))
    before = plain.mask_generator.head.weight.clone()
    take_over(plain, skipping, told="other.safetensors")
    assert torch.equal(plain.mask_generator.head.weight, before)
    assert torch.equal(last_of_l(plain), last_of_l(skipping))


def test_a_model_of_which_nothing_fits_is_refused() -> None:
    sizes = {"mask_width": 8, "refiner_width": 8, "low_width": 16, "high_width": 8}
    with pytest.raises(InputError, match=r"other\.safetensors holds no network of the sizes"):
        take_over(AnimationModel(PLAIN), AnimationModel(replace(PLAIN, **sizes)), told="other.safetensors")
