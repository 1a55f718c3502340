"""The spread of an object's colour against hand-computed values, and what must not count."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from maskreel.inversion.canvas import OPPONENT
from maskreel.inversion.colours import colour_spread
from maskreel.inversion.targets import FrameTarget


def rgb(grey: float, red_green: float, yellow_blue: float) -> torch.Tensor:
    return torch.tensor(OPPONENT, dtype=torch.float64) @ torch.tensor(
        [grey, red_green, yellow_blue], dtype=torch.float64
    )


def picture(*columns: torch.Tensor) -> torch.Tensor:
    """One image (1, 3, 2, W) of plain columns."""
    return torch.stack(columns, -1)[:, None, :].expand(3, 2, len(columns))[None].contiguous()


def target(*masks: list[int], width: int) -> FrameTarget:
    """Objects by the columns they cover."""
    planes = torch.zeros(len(masks), 2, width, dtype=torch.bool)
    for plane, columns in zip(planes, masks, strict=True):
        plane[:, columns] = True
    return FrameTarget(planes, torch.arange(1, len(masks) + 1))


def test_half_of_an_object_in_another_colour() -> None:
    image = picture(rgb(0.5, 0.1, 0.2), rgb(0.5, 0.3, -0.2), rgb(0.9, 0.3, 0.3))
    # means 0.2 and 0.0: every pixel is 0.1 and 0.2 away
    spread = colour_spread(image, [target([0, 1], width=3)])
    assert float(spread) == pytest.approx(0.3)


def test_light_and_shade_do_not_count() -> None:
    image = picture(rgb(0.1, 0.1, 0.2), rgb(0.5, 0.1, 0.2), rgb(0.9, 0.1, 0.2))
    assert float(colour_spread(image, [target([0, 1, 2], width=3)])) == pytest.approx(0, abs=1e-12)


def test_small_objects_count_as_much_as_large_ones_and_absent_ones_not_at_all() -> None:
    plain, red, green = rgb(0.5, 0, 0), rgb(0.5, 0.2, 0), rgb(0.5, -0.2, 0)
    image = picture(red, green, plain, plain, plain, plain)
    pair, wide, absent = [0, 1], [2, 3, 4, 5], []
    spread = colour_spread(image, [target(pair, wide, absent, width=6)])
    assert float(spread) == pytest.approx((0.2 + 0) / 2)


def test_where_two_overlap_pixels_belong_to_the_first() -> None:
    image = picture(rgb(0.5, 0.2, 0), rgb(0.5, 0.2, 0), rgb(0.5, -0.2, 0))
    assert float(colour_spread(image, [target([0, 1], [1, 2], width=3)])) == pytest.approx(0, abs=1e-12)


def test_void_pixels_do_not_count() -> None:
    image = picture(rgb(0.5, 0.2, 0), rgb(0.5, 0.2, 0), rgb(0.5, -0.2, 0))
    void = torch.zeros(2, 3, dtype=torch.bool)
    void[:, 2] = True
    there = target([0, 1, 2], width=3)
    assert float(colour_spread(image, [there])) > 0.1
    assert float(colour_spread(image, [replace(there, void=void)])) == pytest.approx(0, abs=1e-12)


def test_images_of_a_batch_do_not_mix_and_one_without_objects_is_zero_with_a_gradient() -> None:
    image = picture(rgb(0.5, 0.2, 0), rgb(0.5, -0.2, 0)).requires_grad_()
    nothing = FrameTarget(torch.zeros(0, 2, 2, dtype=torch.bool), torch.zeros(0, dtype=torch.int64))
    spread = colour_spread(image.expand(2, -1, -1, -1), [target([0, 1], width=2), nothing])
    assert spread.tolist() == pytest.approx([0.2, 0.0])
    spread[1].backward()
    assert image.grad is not None
    assert not image.grad.any()


def test_slope_agrees_with_differences() -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(2, 3, 2, 4, generator=generator, dtype=torch.float64).requires_grad_()
    masks = [target([0, 1], [2], width=4), target([1, 2, 3], width=4)]
    assert torch.autograd.gradcheck(lambda x: colour_spread(x, masks), images)
