"""Consistency and occlusion in a scene of known geometry: a square that moves over a still background."""

from __future__ import annotations

import pytest
import torch

from maskreel.common.flow import consistency_error, motion_boundary, occlusion

SIZE = (40, 50)
SQUARE = (slice(10, 22), slice(8, 20))
MOTION = (5, 3)  # x, y


def square_at(dx: int = 0, dy: int = 0) -> torch.Tensor:
    mask = torch.zeros(SIZE, dtype=torch.bool)
    rows, columns = SQUARE
    mask[rows.start + dy : rows.stop + dy, columns.start + dx : columns.stop + dx] = True
    return mask


@pytest.fixture
def scene() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Flow forward and backward, and the background that the square covers in the second frame."""
    motion = torch.tensor(MOTION, dtype=torch.float32)[:, None, None]
    before, after = square_at(), square_at(*MOTION)
    return motion * before, -motion * after, after & ~before


@pytest.mark.parametrize("threshold", [None, 0.5, 3.0])
def test_occlusion_is_the_covered_background(scene: tuple[torch.Tensor, ...], threshold: float | None) -> None:
    forward, backward, covered = scene
    assert torch.equal(occlusion(forward, backward, threshold=threshold), covered)


def test_occlusion_backwards_is_what_the_square_uncovers(scene: tuple[torch.Tensor, ...]) -> None:
    forward, backward, _ = scene
    assert torch.equal(occlusion(backward, forward), square_at() & ~square_at(*MOTION))


def test_error_is_the_length_of_the_motion_where_covered(scene: tuple[torch.Tensor, ...]) -> None:
    forward, backward, covered = scene
    expected = covered * (MOTION[0] ** 2 + MOTION[1] ** 2) ** 0.5
    torch.testing.assert_close(consistency_error(forward, backward), expected, atol=1e-4, rtol=0)


def test_pixels_that_leave_the_frame_are_occluded() -> None:
    forward = torch.zeros(2, 2, *SIZE)
    forward[:, 0] = 4.0
    expected = torch.zeros(2, *SIZE, dtype=torch.bool)
    expected[..., -4:] = True
    assert torch.equal(occlusion(forward, -forward), expected)


def test_relative_rule_forgives_more_on_fast_pixels() -> None:
    # |f + b| = 0.8: above the sqrt(0.5) allowed at rest, below the sqrt(0.01 (20^2 + 19.2^2) + 0.5) = 2.9 in motion
    for speed, occluded in ((0.0, True), (20.0, False)):
        forward, backward = torch.zeros(2, *SIZE), torch.zeros(2, *SIZE)
        forward[0], backward[0] = speed, 0.8 - speed
        assert bool(occlusion(forward, backward)[20, 10]) is occluded


def test_relative_rule_has_the_published_constants() -> None:
    forward, backward = torch.zeros(2, 3, 60), torch.zeros(2, 3, 60)
    forward[0] = 10.0
    # e^2 = 0.01 (10^2 + (e - 10)^2) + 0.5 holds at e = (sqrt(9.94) - 0.2) / 1.98 = 1.4913
    for error, occluded in ((1.485, False), (1.495, True)):
        backward[0] = error - 10
        assert bool(occlusion(forward, backward)[1, 5]) is occluded


def test_nan_flow_is_occluded() -> None:
    forward = torch.zeros(2, 4, 4)
    forward[:, 1, 1] = torch.nan
    assert occlusion(forward, torch.zeros(2, 4, 4)).nonzero().tolist() == [[1, 1]]
    assert occlusion(forward, torch.zeros(2, 4, 4), threshold=9).nonzero().tolist() == [[1, 1]]


def test_motion_boundary_lies_at_the_edge_of_the_square(scene: tuple[torch.Tensor, ...]) -> None:
    forward, _, _ = scene
    square = square_at()
    edge = torch.zeros_like(square)
    edge[:, :-1] |= square[:, :-1] != square[:, 1:]
    edge[:-1] |= square[:-1] != square[1:]
    assert torch.equal(motion_boundary(forward), edge)


def test_motion_boundary_ignores_a_gentle_zoom() -> None:
    y, x = torch.meshgrid(torch.arange(30.0), torch.arange(30.0), indexing="ij")
    zoom = torch.stack((x, y))
    assert not motion_boundary(0.03 * zoom).any()  # 2 * 0.03^2 = 0.0018 < 0.002
    assert motion_boundary(0.04 * zoom)[0, 0]  # 2 * 0.04^2 = 0.0032


def test_guards() -> None:
    flow = torch.zeros(2, 4, 5)
    with pytest.raises(ValueError, match="forward and backward must have one shape"):
        occlusion(flow, torch.zeros(1, 2, 4, 5))
    with pytest.raises(ValueError, match="backward must have shape"):
        consistency_error(flow, torch.zeros(3, 4, 5))
    with pytest.raises(ValueError, match=r"threshold must be 0 or more pixels, or None, got -1"):
        occlusion(flow, flow, threshold=-1)
    with pytest.raises(ValueError, match=r"flow must have shape"):
        motion_boundary(torch.zeros(4, 5))
