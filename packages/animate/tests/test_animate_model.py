"""The formulas of `AnimationModel`, one by one, and where gradients go."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from maskreel.animate.model import AnimationModel, ModelConfig, Source, published, tiny
from maskreel.animate.perturb import perturb_for_inference

SMALL = ModelConfig(
    size=32, factor=2, depth=2, mask_width=4, refiner_width=4, low_width=8, low_blocks=1, high_width=4, widest=16
)
PARTS = ("mask_generator", "mask_refiner", "low_resolution", "high_resolution", "bg_base", "bg_refine")


@pytest.fixture
def model() -> AnimationModel:
    return AnimationModel(SMALL).eval()


def images(count: int = 2) -> Tensor:
    return torch.rand(count, 3, 32, 32)


def masks(count: int = 2) -> Tensor:
    """Soft, on both sides of 60/255."""
    return torch.rand(count, 1, 16, 16)


def shrunk(x: Tensor) -> Tensor:
    """Bilinear to half the size without antialiasing: the mean of 2x2."""
    return F.avg_pool2d(x, 2)


def enlarged(x: Tensor) -> Tensor:
    """Bilinear to twice the size, borders repeated: 3/4 of the own pixel and 1/4 of the next one, each way."""
    for axis in (-1, -2):
        size = x.shape[axis]
        before = x.index_select(axis, torch.arange(-1, size - 1).clamp(min=0))
        after = x.index_select(axis, torch.arange(1, size + 1).clamp(max=size - 1))
        pairs = torch.stack([0.75 * x + 0.25 * before, 0.75 * x + 0.25 * after], dim=-1)
        x = pairs.flatten(-2) if axis == -1 else pairs.transpose(-1, -2).flatten(-3, -2)
    return x


def same(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, atol=2e-6, rtol=0)


@torch.no_grad()
def test_source(model: AnimationModel) -> None:
    pictures, given = images(), masks()
    own = model.source(pictures)
    same(own.mask, model.mask_generator(pictures))
    same(own.small, shrunk(pictures))
    same(own.large_mask, enlarged(own.mask))
    other = model.source(pictures, given)
    assert other.mask is given
    same(other.large_mask, enlarged(given))
    assert model.masks(pictures).shape == (2, 1, 16, 16)


@torch.no_grad()
def test_refined(model: AnimationModel) -> None:
    source, driving = model.source(images(), masks()), masks()
    expected = model.mask_refiner(source.small, source.mask, perturb_for_inference(driving, threshold=60 / 255))
    same(model.refined(source, driving), expected)
    same(model.refined(source, driving, perturbed=True), model.mask_refiner(source.small, source.mask, driving))
    assert (expected - model.refined(source, driving, perturbed=True)).abs().max() > 1e-4
    strict = AnimationModel(replace(SMALL, threshold=200 / 255)).eval()
    strict.load_state_dict(model.state_dict())
    cut = perturb_for_inference(driving, threshold=200 / 255)
    same(strict.refined(source, driving), model.mask_refiner(source.small, source.mask, cut))
    gentle = AnimationModel(replace(SMALL, test_strength=0.5)).eval()
    gentle.load_state_dict(model.state_dict())
    larger = perturb_for_inference(driving, strength=0.5)
    same(gentle.refined(source, driving), model.mask_refiner(source.small, source.mask, larger))


@torch.no_grad()
def test_pictures(model: AnimationModel) -> None:
    pictures, own, driving = images(), masks(), masks()
    low, high = model.pictures(model.source(pictures, own), driving)
    same(low, model.low_resolution(torch.cat([shrunk(pictures), own, driving], dim=1)))
    given = torch.cat([pictures, enlarged(own), low, enlarged(driving)], dim=1)
    same(high, model.high_resolution(given))
    assert low.shape == high.shape == (2, 3, 32, 32)


def swap_by_hand(model: AnimationModel, y: Tensor, of_y: Tensor, x: Tensor, of_x: Tensor, bi: Any) -> list[Tensor]:
    """[bi(X), bi(Y), F(D(Y)), B(D(X))], and the same in full size, thresholded after enlarging, after BGBase's."""
    base = model.bg_base(
        torch.cat([bi(of_x), bi(of_y), shrunk(y) * bi(of_y), shrunk(x) * (1 - bi(of_x))], dim=1),
    )
    theirs, ours = bi(enlarged(of_x)), bi(enlarged(of_y))
    return [base, model.bg_refine(torch.cat([base, theirs, ours, y * ours, x * (1 - theirs)], dim=1))]


@pytest.mark.parametrize("kind", ["binary", "soft"])
@torch.no_grad()
def test_swapped(model: AnimationModel, kind: Any) -> None:
    model.config = replace(SMALL, swap_masks=kind)
    given = images(), masks(), images(), masks()

    def bi(x: Tensor) -> Tensor:
        return (255 * x > 60).float() if kind == "binary" else x

    for found, expected in zip(model.swapped(*given), swap_by_hand(model, *given, bi), strict=True):
        same(found, expected)


@torch.no_grad()
def test_threshold_of_the_swap_is_its_own(model: AnimationModel) -> None:
    """60/255 even in the preset of VoxCeleb, and what is 60/255 itself is background."""
    given = images(), torch.full((2, 1, 16, 16), 61 / 255), images(), torch.full((2, 1, 16, 16), 59 / 255)
    model.config = replace(SMALL, threshold=100 / 255)
    ones, zeros = torch.ones(2, 1, 16, 16), torch.zeros(2, 1, 16, 16)
    for found, expected in zip(model.swapped(*given), model.swapped(given[0], ones, given[2], zeros), strict=True):
        assert torch.equal(found, expected)
    assert not model._swap_mask(torch.tensor(60 / 255)).any()


@torch.no_grad()
def test_one_source_and_one_backdrop_for_many_frames(model: AnimationModel) -> None:
    one, driving = model.source(images(1), masks(1)), masks(3)
    many = one.expand(3)
    assert many.image.shape == (3, 3, 32, 32)
    assert many.image.data_ptr() == one.image.data_ptr(), "no copies"
    assert many.large_mask.shape == (3, 1, 32, 32)
    assert many.expand(3).image.data_ptr() == many.image.data_ptr()
    for found in (model.refined(one, driving), *model.pictures(one, driving)):
        assert len(found) == 3
    foreground, backdrop, hole = images(3), images(1), masks(1)
    together = model.swapped(foreground, driving, backdrop, hole)
    for number in range(3):
        alone = model.swapped(foreground[number : number + 1], driving[number : number + 1], backdrop, hole)
        for found, expected in zip(together, alone, strict=True):
            same(found[number : number + 1], expected)


@torch.no_grad()
def test_hidden_pixels_do_not_matter(model: AnimationModel) -> None:
    """What the masks hide of foreground and backdrop changes nothing."""
    y, x = images(1), images(1)
    left = (torch.arange(16) < 8).float().expand(1, 1, 16, 16)
    given = model.swapped(y, left, x, left)
    y_changed, x_changed = y.clone(), x.clone()
    y_changed[..., 20:] = 0.3
    x_changed[..., :12] = 0.3
    for found, expected in zip(model.swapped(y_changed, left, x_changed, left), given, strict=True):
        assert torch.equal(found, expected)


def learning(model: AnimationModel, value: Tensor) -> set[str]:
    model.zero_grad()
    value.mean().backward()
    return {name for name in PARTS if any(p.grad is not None for p in getattr(model, name).parameters())}


def test_gradients(model: AnimationModel) -> None:
    """m and L from L's picture only, every other network from its own output only."""
    pictures = images().requires_grad_()

    def outputs() -> dict[str, Tensor]:
        source, driving = model.source(pictures), model.masks(images())
        low, high = model.pictures(source, driving)
        base, swap = model.swapped(high, driving, pictures, source.mask)
        refined = model.refined(source, driving)
        return {"low": low, "high": high, "refined": refined, "base": base, "swap": swap}

    assert learning(model, outputs()["low"]) == {"mask_generator", "low_resolution"}
    assert learning(model, outputs()["high"]) == {"high_resolution"}
    assert learning(model, outputs()["refined"]) == {"mask_refiner"}
    assert learning(model, outputs()["base"]) == {"bg_base"}
    pictures.grad = None
    assert learning(model, outputs()["swap"]) == {"bg_refine"}
    assert pictures.grad is None


def test_both_masks_of_low_teach_m(model: AnimationModel) -> None:
    pictures = images()
    for source_taught in (True, False):
        own, driving = model.masks(pictures), model.masks(images())
        source = model.source(pictures, own if source_taught else own.detach())
        low, _ = model.pictures(source, driving.detach() if source_taught else driving)
        assert "mask_generator" in learning(model, low)


def test_other_heights_and_widths(model: AnimationModel) -> None:
    pictures = torch.rand(1, 3, 40, 64)
    source = model.source(pictures)
    low, high = model.pictures(source, model.refined(source, model.masks(pictures)))
    base, swap = model.swapped(high, source.mask, pictures, source.mask)
    assert {tuple(made.shape) for made in (low, high, base, swap)} == {(1, 3, 40, 64)}


def test_published_and_tiny() -> None:
    assert published() == ModelConfig()
    assert published(100 / 255).threshold == 100 / 255
    assert (published().size, published().mask_size, published().multiple) == (256, 64, 128)
    assert (tiny().size, tiny().mask_size) == (128, 64)
    with torch.device("meta"):
        assert sum(value.numel() for value in AnimationModel(published()).parameters()) == 134_294_199
        small = sum(value.numel() for value in AnimationModel(tiny()).parameters())
    assert 2 * small < 20e6, "20 MB in half precision"


def test_depths_of_networks() -> None:
    model = AnimationModel(replace(SMALL, refiner_depth=4, high_depth=3, low_dilation=2, low_blocks=3))
    assert len(model.high_resolution.hourglass.encoder) == len(model.bg_refine.hourglass.encoder) == 3
    assert len(AnimationModel(SMALL).mask_refiner.hourglass.encoder) == len(model.mask_generator.hourglass.encoder) == 2
    assert len(model.mask_refiner.hourglass.encoder) == 4
    convolutions = [layer for layer in model.bg_base.modules() if isinstance(layer, torch.nn.Conv2d)]
    assert [layer.dilation[0] for layer in convolutions] == [1, 1, 1, 2, 2, 4, 4, 1, 1]
    assert replace(SMALL, depth=1, high_depth=5).multiple == 32
    assert replace(SMALL, depth=1, refiner_depth=3).multiple == SMALL.factor * 8


@pytest.mark.parametrize("name", ["mask_width", "refiner_width", "low_blocks", "low_dilation", "widest", "depth"])
def test_numbers_below_one(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be 1 or more, got 0"):
        replace(ModelConfig(), **{name: 0})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"factor": 3}, "factor must be 2 or 4, got 3"),
        ({"size": 192}, "size must be a multiple of 128 .*, got 192"),
        ({"size": 0}, "size must be a multiple of 128 .*, got 0"),
        ({"high_depth": 0}, "high_depth must be 1 or more, got 0"),
        ({"refiner_depth": 0}, "refiner_depth must be 1 or more, got 0"),
        ({"threshold": 1.0}, r"threshold must be in \[0, 1\), got 1.0"),
        ({"train_strength": -1.0}, "train_strength must be at least 0 and below 4, got -1.0"),
        ({"test_strength": 4.0}, "test_strength must be at least 0 and below 4, got 4.0"),
        ({"swap_masks": "hard"}, "swap_masks must be 'binary' or 'soft', got 'hard'"),
        ({"border": "reflect"}, "border must be 'zero' or 'replicate', got 'reflect'"),
    ],
)
def test_other_limits(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ModelConfig(**change)


def test_source_is_what_was_given() -> None:
    parts = images(1), masks(1), torch.rand(1, 3, 16, 16), torch.rand(1, 1, 32, 32)
    expanded = Source(*parts).expand(2)
    assert torch.equal(expanded.small, torch.cat([parts[2], parts[2]]))
