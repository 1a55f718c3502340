"""A picture as a sum of levels."""

from __future__ import annotations

import pytest
import torch

from maskreel.inversion.canvas import Canvas


def start() -> torch.Tensor:
    return torch.rand(3, 33, 47, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("levels", [1, 2, 3, 5])
def test_it_starts_as_the_given_picture(levels: int) -> None:
    made = Canvas(start(), levels)()
    assert torch.allclose(made, start().clamp(0.02, 0.98), atol=1e-5)


def test_sizes_of_the_levels() -> None:
    sizes = [tuple(level.shape[-2:]) for level in Canvas(start(), 4).pyramid]
    assert sizes == [(33, 47), (17, 24), (9, 12), (5, 6)]


def test_a_grey_change_is_as_large_as_the_parameters_change() -> None:
    canvas = Canvas(torch.full((3, 16, 16), 0.5), 1)
    with torch.no_grad():
        canvas.pyramid[-1][0] += 0.01
    assert torch.allclose(canvas(), torch.tensor(0.51), atol=1e-5)


def test_one_coarse_parameter_moves_a_whole_region_in_all_colours() -> None:
    canvas = Canvas(torch.full((3, 16, 16), 0.5), 5)
    (slope,) = torch.autograd.grad(canvas()[0].sum(), [canvas.pyramid[4]])
    (fine,) = torch.autograd.grad(canvas()[0].sum(), [canvas.pyramid[0]])
    assert float(slope.abs().max()) == pytest.approx(256 * float(fine.abs().max()), rel=1e-4)


def test_colours_stay_in_range_whatever_the_parameters() -> None:
    canvas = Canvas(start(), 3)
    with torch.no_grad():
        for level in canvas.pyramid:
            level.normal_(0, 50)
    made = canvas().detach()
    assert 0 <= made.min() < made.max() <= 1


def test_bare_pixels_are_free_until_they_are_clamped() -> None:
    values = start() * 4 - 2
    canvas = Canvas(values, 0)
    assert torch.equal(canvas(), values)
    canvas.clamp_()
    assert torch.equal(canvas(), values.clamp(0, 1))
    canvas.clamp_(0.2, 0.4)
    assert torch.equal(canvas(), values.clamp(0, 1).clamp(0.2, 0.4))
    assert canvas.pixels.requires_grad
    layered = Canvas(start(), 2)
    before = layered().detach()
    layered.clamp_(0.4, 0.5)
    assert torch.equal(layered(), before)


def test_the_start_is_a_copy() -> None:
    values = start()
    canvas = Canvas(values, 0)
    values.zero_()
    assert torch.equal(canvas(), start())


@pytest.mark.parametrize("levels", [0, 3])
def test_another_size_shows_the_same_picture(levels: int) -> None:
    smooth = torch.linspace(0.2, 0.8, 48).expand(3, 32, 48).contiguous()
    canvas = Canvas(smooth, levels)
    larger = canvas.resized((64, 96))
    assert larger.size == (64, 96)
    assert larger.levels == levels
    wanted = torch.linspace(0.2, 0.8, 96).expand(3, 64, 96)
    assert (larger() - wanted).abs().max() < 0.01
    assert torch.allclose(canvas.resized((32, 48))(), smooth, atol=1e-5)


def test_negative_levels() -> None:
    with pytest.raises(ValueError, match="levels must be 0 or more, got -1"):
        Canvas(start(), -1)
