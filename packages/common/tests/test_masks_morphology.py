"""Morphology against plain-Python definitions on an unbounded plane."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from maskreel.common import masks

RADII = [0, 0.9, 1, math.sqrt(2), 1.5, 2, 3, math.sqrt(13), 5]


def random_masks(seed: int, density: float, shape: tuple[int, ...] = (3, 24, 31)) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) < density


def brute_distance(mask: np.ndarray) -> np.ndarray:
    """Squared distance of every pixel to the nearest object pixel, by trying all pairs."""
    rows, columns = np.indices(mask.shape)
    found = np.full(mask.shape, np.iinfo(np.int64).max)
    for y, x in np.argwhere(mask):
        found = np.minimum(found, (rows - y) ** 2 + (columns - x) ** 2)
    return found


def brute_dilate(mask: np.ndarray, radius: float) -> np.ndarray:
    return brute_distance(mask) <= radius * radius + 1e-9


def reference(function: str, mask: np.ndarray, radius: float) -> np.ndarray:
    if function == "dilate":
        return brute_dilate(mask, radius)
    if function == "erode":
        return ~brute_dilate(~mask, radius)
    border = 2 * math.ceil(radius) + 2  # close: on a plane that is large enough
    grown = brute_dilate(np.pad(mask, border), radius)
    return ~brute_dilate(~grown, radius)[border:-border, border:-border]


@pytest.mark.parametrize("radius", RADII)
@pytest.mark.parametrize("density", [0.02, 0.9])
@pytest.mark.parametrize("function", ["dilate", "erode", "close"])
def test_agrees_with_the_definition(function: str, density: float, radius: float) -> None:
    batch = random_masks(1, density)
    expected = np.stack([reference(function, mask, radius) for mask in batch.numpy()])
    assert np.array_equal(getattr(masks, function)(batch, radius).numpy(), expected)


@pytest.mark.parametrize("radius", [14.5, 15, 15.01, 16, 22.3])
@pytest.mark.parametrize("function", ["dilate", "erode", "close"])
def test_large_radii_agree_too(function: str, radius: float) -> None:
    mask = np.zeros((40, 60), bool)
    mask[5:36, 3:50] = True
    mask[20, 25] = mask[30:, 20:24] = False
    mask[2, 58] = True
    actual = getattr(masks, function)(torch.from_numpy(mask), radius).numpy()
    assert np.array_equal(actual, reference(function, mask, radius))


def test_dilating_one_pixel_draws_a_disk() -> None:
    mask = torch.zeros(5, 5, dtype=torch.bool)
    mask[2, 2] = True
    assert masks.dilate(mask, 2).int().tolist() == [
        [0, 0, 1, 0, 0],
        [0, 1, 1, 1, 0],
        [1, 1, 1, 1, 1],
        [0, 1, 1, 1, 0],
        [0, 0, 1, 0, 0],
    ]


@pytest.mark.parametrize("radius", [2, 20])
def test_erosion_does_not_start_at_the_edge_of_the_picture(radius: float) -> None:
    full = torch.ones(30, 40, dtype=torch.bool)
    assert masks.erode(full, radius).all()
    left_half = full.clone()
    left_half[:, 30:] = False
    assert torch.equal(masks.erode(left_half, radius), torch.arange(40).expand(30, 40) < 30 - radius)


@pytest.mark.parametrize("radius", [4, 20])
def test_close_keeps_the_gap_to_the_edge_open(radius: float) -> None:
    mask = torch.zeros(60, 60, dtype=torch.bool)
    mask[2:50, 2:50] = True
    holed = mask.clone()
    holed[20:23, 20:23] = False
    assert torch.equal(masks.close(holed, radius), mask)


def test_close_is_extensive_and_idempotent() -> None:
    batch = random_masks(2, 0.08)
    closed = masks.close(batch, 2.5)
    assert (closed | ~batch).all()
    assert (closed != batch).any()
    assert torch.equal(masks.close(closed, 2.5), closed)


def test_leading_dimensions_and_empty_masks() -> None:
    batch = random_masks(3, 0.05, (2, 3, 9, 8))
    batch[1, 2] = False
    grown = masks.dilate(batch, 1)
    assert grown.shape == batch.shape
    assert not grown[1, 2].any()
    for index in np.ndindex(2, 3):
        assert torch.equal(grown[index], masks.dilate(batch[index], 1))
    assert masks.dilate(batch[:0], 1).shape == (0, 3, 9, 8)
    for function in (masks.erode, masks.close, masks.dilate):
        assert not function(torch.zeros(6, 6, dtype=torch.bool), 20).any()


def test_input_stays_and_strided_views_work() -> None:
    batch = random_masks(4, 0.2, (2, 12, 16))
    before = batch.clone()
    view = batch[:, ::2, 1::3]
    expected = masks.dilate(view.clone(), 1.5)
    assert torch.equal(masks.dilate(view, 1.5), expected)
    for function in (masks.erode, masks.close, masks.feather):
        function(batch, 2)
        result = function(batch, 0)
        result[:] = 0
    assert torch.equal(batch, before)


@pytest.mark.parametrize("radius", [0, 1, 2.5, 6])
def test_feather(radius: float) -> None:
    batch = random_masks(5, 0.01)
    weights = masks.feather(batch, radius)
    assert weights.dtype == torch.float32
    distance = np.sqrt(np.stack([brute_distance(mask) for mask in batch.numpy()]))
    expected = np.where(distance <= radius, 1 - distance / (radius + 1), 0)
    np.testing.assert_allclose(weights.numpy(), expected, atol=1e-6)
    assert torch.equal(weights == 1, batch)
    assert torch.equal(weights > 0, masks.dilate(batch, radius))


def test_feather_by_hand() -> None:
    mask = torch.zeros(1, 7, dtype=torch.bool)
    mask[0, 0] = True
    assert masks.feather(mask, 3).tolist() == [[1, 0.75, 0.5, 0.25, 0, 0, 0]]
    assert not masks.feather(torch.zeros(4, 4, dtype=torch.bool), 3).any()


@pytest.mark.parametrize("radius", [-1, math.inf, math.nan])
def test_radius_is_checked(radius: float) -> None:
    mask = torch.ones(3, 3, dtype=torch.bool)
    for function in (masks.dilate, masks.erode, masks.close, masks.feather):
        with pytest.raises(ValueError, match="radius must be 0 or more pixels, got"):
            function(mask, radius)


def test_masks_are_checked() -> None:
    with pytest.raises(TypeError, match=r"masks must be a torch\.bool tensor, got torch\.uint8"):
        masks.dilate(torch.ones(3, 3, dtype=torch.uint8), 1)
    with pytest.raises(ValueError, match=r"masks must have shape \(\.\.\., H, W\) .*got \(3,\)"):
        masks.dilate(torch.ones(3, dtype=torch.bool), 1)
    with pytest.raises(ValueError, match=r"H and W above 0, got \(0, 3\)"):
        masks.fill_holes(torch.ones(0, 3, dtype=torch.bool))
