"""The colour wheel at directions whose hue follows from its definition."""

from __future__ import annotations

import math

import pytest
import torch

from maskreel.common.flow import flow_to_colour


def vectors(*pairs: tuple[float, float]) -> torch.Tensor:
    """One row of vectors, (2, 1, N)."""
    return torch.tensor(pairs).T[:, None]


def colour_at(position: float, length: float = 1.0) -> list[int]:
    """The colour of the vector whose direction lies at `position` on the wheel of 55 hues."""
    angle = position / 54 * 2 * math.pi
    flow = length * vectors((math.cos(angle), math.sin(angle)))
    return flow_to_colour(flow, max_norm=1.0)[:, 0, 0].tolist()


@pytest.mark.parametrize(
    ("position", "hue"),
    # the corners of the wheel, after 15, 6, 4, 11 and 13 steps
    [(0, (255, 0, 0)), (15, (255, 255, 0)), (21, (0, 255, 0)), (25, (0, 255, 255)), (36, (0, 0, 255)),
     (49, (255, 0, 255)), (5, (255, 85, 0)), (54, (255, 0, 43))],
)  # fmt: skip
def test_corners_of_the_wheel(position: int, hue: tuple[int, int, int]) -> None:
    # almost saturated, so that rounding cannot tip a vector over the maximum; the hue then shows to 1 grey level
    assert colour_at(position, length=1 - 1e-5) == pytest.approx(hue, abs=1.01)


def test_saturation_is_length() -> None:
    assert colour_at(0, length=0.0) == [255, 255, 255]
    assert colour_at(0, length=0.5) == [255, 127, 127]
    assert colour_at(0, length=0.8) == pytest.approx([255, 51, 51], abs=1)


def test_too_long_vectors_are_dark() -> None:
    assert colour_at(0, length=2.0) == [191, 0, 0]


def test_right_is_red_whatever_the_sign_of_zero() -> None:
    assert flow_to_colour(vectors((2.0, 0.0), (2.0, -0.0))).tolist() == [[[255, 255]], [[0, 0]], [[0, 0]]]


def test_default_maximum_is_the_longest_vector_of_all() -> None:
    flow = torch.stack((vectors((4.0, 0.0), (0.0, 0.0)), vectors((2.0, 0.0), (0.0, 0.0))))
    colours = flow_to_colour(flow)
    assert colours.shape == (2, 3, 1, 2)
    assert colours.dtype == torch.uint8
    assert colours[0, :, 0, 0].tolist() == [255, 0, 0]
    assert colours[1, :, 0, 0].tolist() == [255, 127, 127]


def test_no_motion_is_white() -> None:
    assert (flow_to_colour(torch.zeros(2, 3, 4)) == 255).all()


def test_no_flow_gives_no_picture() -> None:
    assert flow_to_colour(torch.zeros(0, 2, 3, 4)).shape == (0, 3, 3, 4)


def test_unknown_vectors_are_black_and_set_no_scale() -> None:
    flow = vectors((1.0, 0.0), (torch.nan, 0.0), (0.0, torch.inf), (1.1e9, 0.0))
    assert flow_to_colour(flow)[0].tolist() == [[255, 0, 0, 0]]
    assert (flow_to_colour(flow)[:, 0, 1:] == 0).all()


def test_agrees_with_torchvision() -> None:
    utils = pytest.importorskip("torchvision.utils")
    flow = 5 * torch.randn(2, 64, 80)
    difference = flow_to_colour(flow).int() - utils.flow_to_image(flow).int()
    assert difference.abs().max() <= 1


@pytest.mark.parametrize("maximum", [0.0, -1.0, math.nan])
def test_guards_maximum(maximum: float) -> None:
    with pytest.raises(ValueError, match="max_norm must be above 0"):
        flow_to_colour(torch.zeros(2, 3, 4), max_norm=maximum)
